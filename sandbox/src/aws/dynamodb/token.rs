//! The tokens of DynamoDB's expressions, and the placeholders that an expression uses.

use std::collections::BTreeSet;

use serde_json::Value;

use super::path::{Path, Step};
use super::validation;
use super::value::{Item, checked};
use crate::aws::error::ApiError;

/// Words that must not be attribute names in an expression, one a line.
const RESERVED: &str = include_str!("reserved.txt");

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A bare word: an attribute name, a keyword or a function.
    Word(String),
    /// `#name`
    Name(String),
    /// `:value`
    Value(String),
    /// A list index.
    Number(usize),
    /// An operator or a mark.
    Mark(&'static str),
}

/// Longer marks first, so that `<=` is not read as `<`.
const MARKS: [&str; 14] = ["<>", "<=", ">=", "=", "<", ">", "(", ")", "[", "]", ",", ".", "+", "-"];

/// The placeholders of a request, and which of them its expressions used.
pub(super) struct Placeholders {
    names: Item,
    values: Item,
    used: BTreeSet<String>,
}

impl Placeholders {
    pub(super) fn read(input: &Value) -> Result<Self, ApiError> {
        let map = |member: &str| input[member].as_object().cloned().unwrap_or_default();
        let mut values = map("ExpressionAttributeValues");
        for (name, value) in &mut values {
            *value = checked(value).map_err(|error| {
                validation(&format!(
                    "ExpressionAttributeValues contains invalid value: {} for key {name}",
                    error.message
                ))
            })?;
        }
        Ok(Self { names: map("ExpressionAttributeNames"), values, used: BTreeSet::new() })
    }

    /// Refuses placeholders that no expression used, as the service does.
    pub(super) fn all_used(&self) -> Result<(), ApiError> {
        for (member, given) in
            [("ExpressionAttributeNames", &self.names), ("ExpressionAttributeValues", &self.values)]
        {
            let unused: Vec<&str> =
                given.keys().filter(|name| !self.used.contains(*name)).map(String::as_str).collect();
            if !unused.is_empty() {
                return Err(validation(&format!(
                    "Value provided in {member} unused in expressions: keys: {{{}}}",
                    unused.join(", ")
                )));
            }
        }
        Ok(())
    }
}

/// Reads the tokens of one expression, member `kind` of the request.
pub(super) struct Parser<'a> {
    kind: &'static str,
    tokens: Vec<Token>,
    position: usize,
    placeholders: &'a mut Placeholders,
}

impl<'a> Parser<'a> {
    pub(super) fn new(
        kind: &'static str,
        text: &str,
        placeholders: &'a mut Placeholders,
    ) -> Result<Self, ApiError> {
        let tokens = tokens(text).map_err(|token| syntax(kind, &token))?;
        if tokens.is_empty() {
            return Err(validation(&format!("Invalid {kind}: The expression can not be empty;")));
        }
        Ok(Self { kind, tokens, position: 0, placeholders })
    }

    pub(super) fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.position)
    }

    pub(super) fn next(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.position += 1;
        token
    }

    /// Takes the mark if it comes next.
    pub(super) fn mark(&mut self, mark: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Mark(found)) if *found == mark);
        self.position += usize::from(found);
        found
    }

    /// Takes the keyword if it comes next, in whatever case.
    pub(super) fn keyword(&mut self, keyword: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword));
        self.position += usize::from(found);
        found
    }

    /// The function's name, if a call comes next; takes it with its opening parenthesis.
    pub(super) fn function(&mut self) -> Option<String> {
        let Some(Token::Word(word)) = self.peek() else { return None };
        let called = matches!(self.tokens.get(self.position + 1), Some(Token::Mark("(")));
        let word = called.then(|| word.clone())?;
        self.position += 2;
        Some(word)
    }

    pub(super) fn expect(&mut self, mark: &str) -> Result<(), ApiError> {
        if self.mark(mark) { Ok(()) } else { Err(self.unexpected()) }
    }

    pub(super) fn end(&self) -> Result<(), ApiError> {
        if self.peek().is_none() { Ok(()) } else { Err(self.unexpected()) }
    }

    /// The refusal of the token that comes next.
    pub(super) fn unexpected(&self) -> ApiError {
        let token = match self.peek() {
            None => "<EOF>".to_owned(),
            Some(Token::Word(word) | Token::Name(word) | Token::Value(word)) => word.clone(),
            Some(Token::Number(number)) => number.to_string(),
            Some(Token::Mark(mark)) => (*mark).to_owned(),
        };
        syntax(self.kind, &token)
    }

    /// A refusal that names this expression.
    pub(super) fn refusal(&self, reason: &str) -> ApiError {
        validation(&format!("Invalid {}: {reason}", self.kind))
    }

    pub(super) fn path(&mut self) -> Result<Path, ApiError> {
        let mut steps = vec![Step::Name(self.path_name()?)];
        loop {
            if self.mark(".") {
                steps.push(Step::Name(self.path_name()?));
            } else if self.mark("[") {
                match self.peek() {
                    Some(Token::Number(index)) => steps.push(Step::Index(*index)),
                    _ => return Err(self.unexpected()),
                }
                self.position += 1;
                self.expect("]")?;
            } else {
                return Ok(Path(steps));
            }
        }
    }

    fn path_name(&mut self) -> Result<String, ApiError> {
        let name = match self.peek() {
            Some(Token::Word(word)) => {
                if RESERVED.lines().any(|reserved| reserved.eq_ignore_ascii_case(word)) {
                    return Err(self.refusal(&format!(
                        "Attribute name is a reserved keyword; reserved keyword: {word}"
                    )));
                }
                word.clone()
            }
            Some(Token::Name(name)) => {
                let resolved = self.placeholders.names.get(name).and_then(Value::as_str).ok_or_else(|| {
                    self.refusal(&format!(
                        "An expression attribute name used in the document path is not defined; attribute name: {name}"
                    ))
                })?;
                let resolved = resolved.to_owned();
                self.placeholders.used.insert(name.clone());
                resolved
            }
            _ => return Err(self.unexpected()),
        };
        self.position += 1;
        Ok(name)
    }

    /// The value behind `:name`, if one comes next.
    pub(super) fn value(&mut self) -> Result<Option<Value>, ApiError> {
        let Some(Token::Value(name)) = self.peek() else { return Ok(None) };
        let value = self.placeholders.values.get(name).cloned().ok_or_else(|| {
            self.refusal(&format!(
                "An expression attribute value used in expression is not defined; attribute value: {name}"
            ))
        })?;
        self.placeholders.used.insert(name.clone());
        self.position += 1;
        Ok(Some(value))
    }
}

fn syntax(kind: &str, token: &str) -> ApiError {
    validation(&format!("Invalid {kind}: Syntax error; token: \"{token}\", near: \"{token}\""))
}

/// Cuts the text into tokens, or gives the character that cannot begin one.
fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let word_end =
            |text: &str| text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
        let length = match first {
            '#' | ':' => {
                let length = 1 + word_end(&rest[1..]);
                let name = rest[..length].to_owned();
                if length == 1 {
                    return Err(name);
                }
                tokens.push(if first == '#' { Token::Name(name) } else { Token::Value(name) });
                length
            }
            '0'..='9' => {
                let length = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
                tokens.push(Token::Number(rest[..length].parse().map_err(|_| rest[..length].to_owned())?));
                length
            }
            'a'..='z' | 'A'..='Z' | '_' => {
                let length = word_end(rest);
                tokens.push(Token::Word(rest[..length].to_owned()));
                length
            }
            _ => {
                let mark =
                    MARKS.iter().find(|mark| rest.starts_with(**mark)).ok_or_else(|| first.to_string())?;
                tokens.push(Token::Mark(mark));
                mark.len()
            }
        };
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

/// Reads a projection: paths separated by commas.
pub(super) fn projection(text: &str, placeholders: &mut Placeholders) -> Result<Vec<Path>, ApiError> {
    let mut parser = Parser::new("ProjectionExpression", text, placeholders)?;
    let mut paths = vec![parser.path()?];
    while parser.mark(",") {
        paths.push(parser.path()?);
    }
    parser.end()?;
    Ok(paths)
}
