//! JSON pointers (RFC 6901).

use std::rc::Rc;

/// A JSON pointer (RFC 6901) under construction.
#[derive(Clone)]
pub(in crate::product) struct Pointer(pub(super) Rc<str>);

impl Pointer {
    pub fn root() -> Pointer {
        Pointer(Rc::from(""))
    }

    pub fn member(&self, key: &str) -> Pointer {
        Pointer(Rc::from(format!("{}/{}", self.0, key.replace('~', "~0").replace('/', "~1"))))
    }

    pub fn element(&self, index: usize) -> Pointer {
        Pointer(Rc::from(format!("{}/{index}", self.0)))
    }
}
