//! Pages of a list with an opaque token.

use super::error::ApiError;

/// One page and the token of the next one.
pub struct Page<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// Where the next page begins; none on the last page.
    pub next: Option<String>,
}

/// Cuts the page that `token` names out of all items. A token that this function did not make gives
/// `refusal`.
pub fn page<T>(
    items: impl IntoIterator<Item = T>,
    size: usize,
    token: Option<&str>,
    refusal: impl FnOnce() -> ApiError,
) -> Result<Page<T>, ApiError> {
    let start = match token {
        None => 0,
        Some(token) => decode(token).ok_or_else(refusal)?,
    };
    let mut rest = items.into_iter().skip(start).peekable();
    let page: Vec<T> = rest.by_ref().take(size).collect();
    let next = rest.peek().is_some().then(|| encode(start + size));
    Ok(Page { items: page, next })
}

/// Tokens are made unlike a number so that nobody computes with them.
fn encode(start: usize) -> String {
    format!("page-{:016x}", start ^ 0x5eed)
}

fn decode(token: &str) -> Option<usize> {
    let digits = token.strip_prefix("page-")?;
    Some(usize::from_str_radix(digits, 16).ok()? ^ 0x5eed)
}
