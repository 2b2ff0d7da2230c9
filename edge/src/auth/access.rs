//! Which route needs which scope, read from the OpenAPI document.

use std::collections::BTreeMap;

use axum::http::Method;
use serde_json::Value;

use super::Scope;

/// The name of the security scheme in the document.
const SCHEME: &str = "api_key";

/// What a route asks of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Need {
    Nothing,
    /// One of these is enough.
    AnyOf(Vec<Scope>),
}

#[derive(Clone, Debug, Default)]
pub struct Access {
    needs: BTreeMap<(String, String), Need>,
}

impl Access {
    /// From the merged document, as JSON.
    pub fn of_document(document: &Value) -> Self {
        let mut access = Self::default();
        let paths = document.get("paths").and_then(Value::as_object);
        for (path, item) in paths.into_iter().flatten() {
            for (method, operation) in item.as_object().into_iter().flatten() {
                if let Some(need) = operation.get("security").and_then(need) {
                    let key = (method.to_ascii_uppercase(), path.clone());
                    access.needs.insert(key, need);
                }
            }
        }
        access
    }

    /// A route that the document does not list, such as a page for people.
    pub fn also(mut self, method: &Method, path: &str, need: &[Scope]) -> Self {
        let need = match need {
            [] => Need::Nothing,
            scopes => Need::AnyOf(scopes.to_vec()),
        };
        let key = (method.as_str().to_owned(), path.to_owned());
        self.needs.insert(key, need);
        self
    }

    /// What nobody described needs `admin`. `HEAD` is a `GET` without its body.
    pub(super) fn need(&self, method: &Method, template: &str) -> Need {
        let method = if method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        let key = (method.as_str().to_owned(), template.to_owned());
        let found = self.needs.get(&key).cloned();
        found.unwrap_or_else(|| Need::AnyOf(vec![Scope::Admin]))
    }
}

/// `[{}]` is open; `[{"api_key": ["read:all"]}]` needs one of the scopes.
fn need(security: &Value) -> Option<Need> {
    let requirements = security.as_array()?;
    let mut scopes = Vec::new();
    for requirement in requirements {
        let requirement = requirement.as_object()?;
        if requirement.is_empty() {
            return Some(Need::Nothing);
        }
        let words = requirement.get(SCHEME)?.as_array()?;
        let known = words
            .iter()
            .filter_map(|word| Scope::of_word(word.as_str()?));
        scopes.extend(known);
    }
    (!scopes.is_empty()).then_some(Need::AnyOf(scopes))
}
