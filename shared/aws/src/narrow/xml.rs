//! Reading the XML of the Query and REST protocols, which may be anything: cut off, huge, or written to do harm.
//!
//! `roxmltree` refuses document types, so no entity expands; the number of nodes is bounded here, and so is the
//! nesting, since no answer of AWS is deep. Elements are found by name, whatever their namespace.

use roxmltree::{Document, Node, ParsingOptions};

use super::protocol::Said;

/// Elements and texts of one answer; a page of a thousand subnets has about 60,000.
const NODES: u32 = 200_000;

/// An answer that is no XML, or not of the expected shape.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    /// The parser's complaint.
    #[error("it is not well-formed XML: {0}")]
    Malformed(#[from] roxmltree::Error),
    /// An element that every such answer has is missing.
    #[error("it holds no {0}")]
    Missing(&'static str),
}

/// Parses an answer.
pub(crate) fn parse(text: &str) -> Result<Document<'_>, Unreadable> {
    let options = ParsingOptions { nodes_limit: NODES, ..ParsingOptions::default() };
    Ok(Document::parse_with_options(text, options)?)
}

/// The child with this name.
pub(crate) fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|child| child.tag_name().name() == name)
}

/// The text at the end of a path of child elements; `None` where there is none or it is empty.
pub(crate) fn text<'a>(node: Node<'a, '_>, path: &[&str]) -> Option<&'a str> {
    let end = path.iter().try_fold(node, |node, name| child(node, name))?;
    end.text().map(str::trim).filter(|text| !text.is_empty())
}

/// The entries of a list: the children of the child with this name, called `item` by EC2 and `member` elsewhere.
pub(crate) fn entries<'a, 'i: 'a>(node: Node<'a, 'i>, list: &str) -> impl Iterator<Item = Node<'a, 'i>> {
    let entry = |node: &Node<'_, '_>| ["item", "member"].contains(&node.tag_name().name());
    child(node, list).into_iter().flat_map(|list| list.children()).filter(entry)
}

/// What a refusal says: `Response/Errors/Error` of EC2, `ErrorResponse/Error` of the others, and a document that is
/// named after the error and holds `Messages`, as Route 53 refuses a batch.
pub(super) fn refusal(body: &str) -> Said {
    let Ok(document) = parse(body) else { return Said::default() };
    let root = document.root_element();
    let id = ["RequestID", "RequestId", "requestId"].iter().find_map(|name| text(root, &[name]));
    let request_id = id.map(str::to_owned);
    if let Some(messages) = child(root, "Messages") {
        let messages: Vec<&str> = messages.children().filter_map(|message| message.text()).collect();
        let code = Some(root.tag_name().name().to_owned());
        return Said { code, message: Some(messages.join(", ")), request_id };
    }
    let error = child(root, "Error").or_else(|| child(child(root, "Errors")?, "Error"));
    let said = |name| error.and_then(|error| text(error, &[name])).map(str::to_owned);
    Said { code: said("Code"), message: said("Message"), request_id }
}
