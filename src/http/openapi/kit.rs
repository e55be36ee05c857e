//! Short names for the schemas that occur again and again.

use serde_json::Value;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, ObjectBuilder, OneOfBuilder, SchemaType, Type,
};
use utoipa::openapi::{KnownFormat, Ref, RefOr, Schema, SchemaFormat};

/// The largest integer of the API: what a double holds exactly (PROTOCOL §1).
const MAX_INT: f64 = 9_007_199_254_740_991.0;
/// The largest `ttl`, `cost` and `capacity` (PROTOCOL §1).
const MAX_SMALL: f64 = 2_147_483_647.0;

/// The component of this name.
pub(super) fn named(name: &str) -> Ref {
    Ref::from_schema_name(name)
}

/// The component of this name, with what it means here.
pub(super) fn named_as(name: &str, about: &str) -> Ref {
    Ref::builder()
        .ref_location_from_schema_name(name)
        .description((!about.is_empty()).then_some(about))
        .build()
}

/// A value of one type.
fn of_type(kind: Type, about: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(kind).description((!about.is_empty()).then_some(about))
}

/// A string.
pub(super) fn text(about: &str) -> ObjectBuilder {
    of_type(Type::String, about)
}

/// One of these strings.
pub(super) fn words<'n>(about: &str, names: impl IntoIterator<Item = &'n str>) -> ObjectBuilder {
    text(about).enum_values(Some(names))
}

/// The only string a field can be.
pub(super) fn word(name: &str) -> ObjectBuilder {
    words("", [name])
}

/// `true` or `false`.
pub(super) fn flag(about: &str) -> ObjectBuilder {
    of_type(Type::Boolean, about)
}

/// A number, fractions included.
pub(super) fn number(about: &str) -> ObjectBuilder {
    of_type(Type::Number, about)
}

/// Any integer of 64 bits.
pub(super) fn integer(about: &str) -> ObjectBuilder {
    of_type(Type::Integer, about).format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
}

/// An integer from `least` to the largest there is.
pub(super) fn int(about: &str, least: f64) -> ObjectBuilder {
    integer(about).minimum(Some(least)).maximum(Some(MAX_INT))
}

/// A positive integer of 31 bits.
pub(super) fn small(about: &str) -> ObjectBuilder {
    of_type(Type::Integer, about)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int32)))
        .minimum(Some(1.0))
        .maximum(Some(MAX_SMALL))
}

/// A point in time in milliseconds.
pub(super) fn millis(about: &str) -> ObjectBuilder {
    integer(&format!("{about} Unix milliseconds.")).examples([1_767_225_600_000_u64])
}

/// Any JSON value, `null` included.
pub(super) fn any(about: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::AnyValue).description(Some(about))
}

/// An object of the user's own.
pub(super) fn map(about: &str) -> ObjectBuilder {
    of_type(Type::Object, about).additional_properties(Some(AdditionalProperties::FreeForm(true)))
}

/// An object whose members, whatever their names, have this schema.
pub(super) fn map_of(about: &str, schema: impl Into<RefOr<Schema>>) -> ObjectBuilder {
    of_type(Type::Object, about).additional_properties(Some(AdditionalProperties::RefOr(schema.into())))
}

/// A list.
pub(super) fn list(about: &str, items: impl Into<RefOr<Schema>>) -> ArrayBuilder {
    ArrayBuilder::new().items(items.into()).description((!about.is_empty()).then_some(about))
}

/// One of several forms.
pub(super) fn either(about: &str, forms: impl IntoIterator<Item = RefOr<Schema>>) -> RefOr<Schema> {
    forms.into_iter().fold(OneOfBuilder::new().description(Some(about)), OneOfBuilder::item).into()
}

/// Keywords of JSON Schema for which the builder has no method.
pub(super) fn keyword(name: &str, value: Value) -> Option<Extensions> {
    Some([(name, value)].into_iter().collect())
}

/// An object with known members.
pub(super) struct Record(ObjectBuilder);

impl Record {
    /// An object without members so far.
    pub(super) fn new(about: &str) -> Self {
        Self(of_type(Type::Object, about))
    }

    /// A member that is always there.
    pub(super) fn need(self, name: &str, schema: impl Into<RefOr<Schema>>) -> Self {
        Self(self.0.property(name, schema).required(name))
    }

    /// A member that may be absent.
    pub(super) fn may(self, name: &str, schema: impl Into<RefOr<Schema>>) -> Self {
        Self(self.0.property(name, schema))
    }

    /// Members of which each demands the other.
    pub(super) fn together(self, one: &str, other: &str) -> Self {
        let rule = serde_json::json!({ one: [other], other: [one] });
        Self(self.0.extensions(keyword("dependentRequired", rule)))
    }

    /// What it looks like.
    pub(super) fn example(self, value: Value) -> Self {
        Self(self.0.examples([value]))
    }
}

impl From<Record> for RefOr<Schema> {
    fn from(record: Record) -> Self {
        record.0.into()
    }
}
