//! Reading an object that a person wrote: every error is kept, and each names its field.

use std::cell::RefCell;

use autopilot::error::FieldError;
use serde_json::{Map, Value};

/// What was wrong, in the order of the fields.
pub(crate) type Errors = RefCell<Vec<FieldError>>;

/// An object, where it stands, and which of its fields were asked for.
pub(crate) struct Object<'a> {
    path: String,
    fields: Option<&'a Map<String, Value>>,
    errors: &'a Errors,
    asked: RefCell<Vec<&'static str>>,
    missing: bool,
}

impl<'a> Object<'a> {
    /// The object of this path; `None` where it is missing, which is an error.
    pub(crate) fn new(path: &str, value: Option<&'a Value>, errors: &'a Errors) -> Self {
        let object = Self::silent(path.to_owned(), value.and_then(Value::as_object), errors);
        if object.missing {
            object.refuse_at(path.to_owned(), "an object", value);
        }
        object
    }

    fn silent(path: String, fields: Option<&'a Map<String, Value>>, errors: &'a Errors) -> Self {
        Self { path, fields, errors, asked: RefCell::default(), missing: fields.is_none() }
    }

    /// An error about the field of this name, or of this path below the object.
    pub(crate) fn wrong(&self, name: &str, message: impl Into<String>) {
        self.errors.borrow_mut().push(FieldError::new(self.at(name), message.into()));
    }

    /// A field that may be missing; `null` counts as missing.
    pub(crate) fn optional<T>(
        &self,
        name: &'static str,
        expected: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.value(name)?;
        let read = read(value);
        if read.is_none() {
            self.refuse_at(self.at(name), expected, Some(value));
        }
        read
    }

    /// A field that must be there.
    pub(crate) fn required<T>(
        &self,
        name: &'static str,
        expected: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        if self.value(name).is_none() && !self.missing {
            self.refuse_at(self.at(name), expected, None);
        }
        self.optional(name, expected, read)
    }

    /// A list that may be missing; each of its items is read and refused on its own.
    pub(crate) fn list<T>(
        &self,
        name: &'static str,
        expected: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Option<Vec<T>> {
        let value = self.value(name)?;
        let Some(items) = value.as_array() else {
            self.refuse_at(self.at(name), &format!("a list, each of it {expected}"), Some(value));
            return None;
        };
        let mut found = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match read(item) {
                Some(item) => found.push(item),
                None => self.refuse_at(self.at(&format!("{name}[{index}]")), expected, Some(item)),
            }
        }
        (found.len() == items.len()).then_some(found)
    }

    /// An object below this one.
    pub(crate) fn object(&self, name: &'static str) -> Object<'a> {
        // One error for the whole: what would lie below it is not missing on top of that.
        if self.missing {
            return Self::silent(self.at(name), None, self.errors);
        }
        Self::new(&self.at(name), self.value(name), self.errors)
    }

    /// True where there is no such object; that is told already.
    pub(crate) fn is_missing(&self) -> bool {
        self.missing
    }

    /// True where the field is there.
    pub(crate) fn has(&self, name: &'static str) -> bool {
        self.value(name).is_some()
    }

    /// Refuses what nobody asked for: a misspelt guard must not pass for one that is set.
    pub(crate) fn refuse_others(&self) {
        let asked = self.asked.borrow();
        for name in self.fields.into_iter().flat_map(Map::keys) {
            if !asked.contains(&name.as_str()) {
                let mut known = asked.clone();
                known.sort_unstable();
                known.dedup();
                self.wrong(&shortened(name), format!("is not known here; known are {}", known.join(", ")));
            }
        }
    }

    fn value(&self, name: &'static str) -> Option<&'a Value> {
        self.asked.borrow_mut().push(name);
        self.fields?.get(name).filter(|value| !value.is_null())
    }

    fn at(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }

    fn refuse_at(&self, path: String, expected: &str, found: Option<&Value>) {
        let message = match found {
            None => format!("is missing; expected {expected}"),
            Some(found) => format!("expected {expected}, found {}", shortened(&found.to_string())),
        };
        self.errors.borrow_mut().push(FieldError::new(path, message));
    }
}

fn shortened(text: &str) -> String {
    const MOST: usize = 60;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    text.chars().take(MOST).chain("…".chars()).collect()
}
