//! Where in a body something is, written only when it is wrong.

use std::fmt;

use super::BodyError;

/// A place in a body. A chain of borrowed links: making one costs nothing.
#[derive(Clone, Copy)]
pub(super) enum Path<'a> {
    /// The body itself.
    Body,
    /// A member of an object.
    Field(&'a Path<'a>, &'static str),
    /// An element of an array.
    Item(&'a Path<'a>, usize),
}

impl Path<'_> {
    /// The member `name` of what is here.
    pub(super) fn field(&self, name: &'static str) -> Path<'_> {
        Path::Field(self, name)
    }

    /// The element `index` of what is here.
    pub(super) fn item(&self, index: usize) -> Path<'_> {
        Path::Item(self, index)
    }

    /// The refusal of what is here: `<path> <fault>`.
    pub(super) fn refuse(&self, fault: impl fmt::Display) -> BodyError {
        BodyError::Invalid(format!("{self} {fault}"))
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body => f.write_str("request body"),
            Self::Field(Path::Body, name) => f.write_str(name),
            Self::Field(parent, name) => write!(f, "{parent}.{name}"),
            Self::Item(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}
