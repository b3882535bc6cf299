//! REST with XML, as Route 53 speaks it: operation and parameters from method, path and query, the rest from an XML
//! body.
//!
//! `<Changes><Change>…</Change></Changes>` becomes `{"Changes": {"Change": […]}}`: elements that repeat are named
//! by the service and always arrays, and a text is always a string.

use roxmltree::{Document, Node};
use serde_json::{Map, Value, json};

use super::error::ApiError;
use super::protocol::{form_pairs, percent_decoded};

/// Where an operation is found.
#[derive(Debug, PartialEq, Eq)]
pub struct Route {
    /// `GET`, `POST`, …
    pub method: &'static str,
    /// Path with `{Member}` where a member of the input stands.
    pub path: &'static str,
    /// Parameters of the query with the members that they become.
    pub query: &'static [(&'static str, &'static str)],
    /// The operation.
    pub operation: &'static str,
}

impl Route {
    /// The members that the path gives, if it is this route's.
    fn members(&self, method: &str, path: &str) -> Option<Map<String, Value>> {
        if self.method != method {
            return None;
        }
        let mut found = path.trim_matches('/').split('/');
        let mut members = Map::new();
        for wanted in self.path.trim_matches('/').split('/') {
            let segment = found.next()?;
            match wanted.strip_prefix('{').and_then(|member| member.strip_suffix('}')) {
                Some(member) => {
                    members.insert(member.to_owned(), json!(percent_decoded(segment)));
                }
                None if wanted == segment => {}
                None => return None,
            }
        }
        found.next().is_none().then_some(members)
    }
}

/// The operation and its input; `None` where no route fits.
pub(crate) fn decode(
    routes: &[Route],
    lists: &[&str],
    (method, path, query): (&str, &str, &str),
    body: &[u8],
) -> Option<(String, Result<Value, ApiError>)> {
    let (route, mut members) = routes.iter().find_map(|route| Some((route, route.members(method, path)?)))?;
    for (name, value) in form_pairs(query.as_bytes()) {
        if let Some((_, member)) = route.query.iter().find(|(known, _)| *known == name) {
            members.insert((*member).to_owned(), json!(value));
        }
    }
    let input = read(body, lists).map(|body| {
        members.extend(body);
        Value::Object(members)
    });
    Some((route.operation.to_owned(), input))
}

fn read(body: &[u8], lists: &[&str]) -> Result<Map<String, Value>, ApiError> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    let malformed = || ApiError::refused("MalformedXML", "The XML you provided was not well-formed.");
    let text = std::str::from_utf8(body).map_err(|_| malformed())?;
    let document = Document::parse(text).map_err(|_| malformed())?;
    Ok(members(document.root_element(), lists))
}

fn members(node: Node<'_, '_>, lists: &[&str]) -> Map<String, Value> {
    let mut members = Map::new();
    for child in node.children().filter(Node::is_element) {
        let (name, value) = (child.tag_name().name(), value(child, lists));
        if lists.contains(&name) {
            if let Value::Array(list) = members.entry(name).or_insert_with(|| json!([])) {
                list.push(value);
            }
        } else {
            members.insert(name.to_owned(), value);
        }
    }
    members
}

fn value(node: Node<'_, '_>, lists: &[&str]) -> Value {
    if node.children().any(|child| child.is_element()) {
        return Value::Object(members(node, lists));
    }
    json!(node.text().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTES: [Route; 2] = [
        Route { method: "GET", path: "/v/zone/{Id}/set", query: &[("name", "Start")], operation: "List" },
        Route { method: "POST", path: "/v/zone/{Id}/set/", query: &[], operation: "Change" },
    ];

    #[test]
    fn a_request_is_told_by_method_and_path() {
        let decoded = |method, path, query, body: &str| {
            let (operation, input) = decode(&ROUTES, &["Item"], (method, path, query), body.as_bytes())?;
            Some((operation, input.unwrap()))
        };
        let list = decoded("GET", "/v/zone/Z%31/set", "name=a%5C052.b&other=1", "").unwrap();
        assert_eq!(list, ("List".to_owned(), json!({ "Id": "Z1", "Start": "a\\052.b" })));
        let body = "<R xmlns=\"n\"><Items><Item>a &amp; b</Item></Items><Sub><A/></Sub></R>";
        let change = decoded("POST", "/v/zone/Z1/set", "", body).unwrap();
        let expected = json!({ "Id": "Z1", "Items": { "Item": ["a & b"] }, "Sub": { "A": "" } });
        assert_eq!(change, ("Change".to_owned(), expected));
        for (method, path) in
            [("PUT", "/v/zone/Z1/set"), ("GET", "/v/zone/Z1"), ("GET", "/v/zone/Z1/set/more")]
        {
            assert_eq!(decoded(method, path, "", ""), None, "{method} {path}");
        }
    }

    #[test]
    fn what_is_no_xml_is_refused() {
        let (_, input) = decode(&ROUTES, &[], ("POST", "/v/zone/Z1/set", ""), b"<R>").unwrap();
        assert_eq!(input.unwrap_err().code, "MalformedXML");
    }
}
