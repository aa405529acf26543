//! What is read from JSON by serde: options, headers. There is one way for each, since every way is compiled anew for all that is
//! read.

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, Unexpected,
    VariantAccess, Visitor,
};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_json::{Error, Map, Value};

/// Reads options: an object for a struct, a name for a choice. [`serde_json::from_value`] takes a list for a struct, too, its
/// fields in order; nobody writes options so, and what would read them is nearly half of what a struct's reader is compiled to.
///
/// # Errors
/// What serde says of a value that does not fit.
pub fn options<T: DeserializeOwned>(value: Value) -> Result<T, Error> {
    T::deserialize(Reader(value))
}

/// Reads the header of a file that this crate wrote, as options are read.
///
/// # Errors
/// What serde says of bytes that are no such JSON.
pub(crate) fn header<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    // Serde's own function, not one for any type: that is compiled once.
    options(std::str::from_utf8(bytes).map_err(Error::custom)?.parse()?)
}

/// Reads what bytes of JSON say, as text: serde's parser of bytes would be a second one.
///
/// # Errors
/// What serde says of bytes that are no such JSON.
pub(crate) fn from_bytes<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Error> {
    serde_json::from_str(std::str::from_utf8(bytes).map_err(Error::custom)?)
}

/// Declares an enum that is written as an object, its variant's name in one field and the variant's fields beside it, and reads it
/// so: `tagged!("Name", "kind", … enum Name { … })`, the name once more as serde wants it. Serde's own reader of such an enum keeps
/// what it finds in values of another kind, for which the reader of every variant and of every type in one is compiled once more.
#[macro_export]
macro_rules! tagged {
    ($path:literal, $tag:literal, $(#[$meta:meta])* $visibility:vis enum $name:ident { $($variants:tt)* }) => {
        $(#[$meta])*
        $visibility enum $name { $($variants)* }

        const _: () = {
            #[derive(serde::Deserialize)]
            #[serde(remote = $path, rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
            enum Read { $($variants)* }

            impl<'de> serde::Deserialize<'de> for $name {
                fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
                    $crate::json::by_tag(deserializer, $tag, Read::deserialize)
                }
            }
        };
    };
}

/// Reads an object whose field `tag` names a variant: for [`tagged!`](crate::tagged).
///
/// # Errors
/// What serde says of a value that does not fit.
pub fn by_tag<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    tag: &'static str,
    read: fn(Tagged) -> Result<T, Error>,
) -> Result<T, D::Error> {
    Tagged::of(Map::deserialize(deserializer)?, tag).and_then(read).map_err(D::Error::custom)
}

/// A variant's name and its fields.
pub struct Tagged {
    name: String,
    fields: Map<String, Value>,
}

impl Tagged {
    fn of(mut fields: Map<String, Value>, tag: &'static str) -> Result<Self, Error> {
        let name = options(fields.remove(tag).ok_or_else(|| Error::missing_field(tag))?)?;
        Ok(Self { name, fields })
    }
}

impl<'de> Deserializer<'de> for Tagged {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_enum(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq
        tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> EnumAccess<'de> for Tagged {
    type Error = Error;
    type Variant = Reader;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Reader), Error> {
        Ok((seed.deserialize(self.name.into_deserializer())?, Reader(Value::Object(self.fields))))
    }
}

/// The fields beside a variant's name. What has none takes any, as with serde.
impl<'de> VariantAccess<'de> for Reader {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }
}

/// A value as options are read from it.
pub struct Reader(Value);

fn read_object<'de, V: Visitor<'de>>(fields: Map<String, Value>, visitor: V) -> Result<V::Value, Error> {
    let mut fields = MapDeserializer::new(fields.into_iter().map(|(name, value)| (name, Reader(value))));
    let read = visitor.visit_map(&mut fields)?;
    fields.end()?;
    Ok(read)
}

fn read_list<'de, V: Visitor<'de>>(values: Vec<Value>, visitor: V) -> Result<V::Value, Error> {
    let mut values = SeqDeserializer::new(values.into_iter().map(Reader));
    let read = visitor.visit_seq(&mut values)?;
    values.end()?;
    Ok(read)
}

impl Reader {
    /// The error of a value of another kind than is asked for.
    fn misfit<'de, T>(&self, visitor: &impl Visitor<'de>) -> Result<T, Error> {
        let found = match &self.0 {
            Value::Null => Unexpected::Unit,
            &Value::Bool(value) => Unexpected::Bool(value),
            Value::Number(value) => match (value.as_u64(), value.as_i64(), value.as_f64()) {
                (Some(value), ..) => Unexpected::Unsigned(value),
                (_, Some(value), _) => Unexpected::Signed(value),
                (.., value) => Unexpected::Float(value.unwrap_or(f64::NAN)),
            },
            Value::String(text) => Unexpected::Str(text),
            Value::Array(_) => Unexpected::Seq,
            Value::Object(_) => Unexpected::Map,
        };
        Err(Error::invalid_type(found, visitor))
    }

    fn number<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Number(number) => number.deserialize_any(visitor),
            _ => self.misfit(&visitor),
        }
    }
}

macro_rules! numbers {
    ($($method:ident)+) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.number(visitor)
        })+
    };
}

impl<'de> Deserializer<'de> for Reader {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Number(value) => value.deserialize_any(visitor),
            Value::String(text) => visitor.visit_string(text),
            Value::Array(values) => read_list(values, visitor),
            Value::Object(fields) => read_object(fields, visitor),
        }
    }

    numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_f32 deserialize_f64
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Bool(value) => visitor.visit_bool(value),
            _ => self.misfit(&visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::String(text) => visitor.visit_string(text),
            _ => self.misfit(&visitor),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_string(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Array(values) => read_list(values, visitor),
            _ => self.misfit(&visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Object(fields) => read_object(fields, visitor),
            _ => self.misfit(&visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.0 {
            Value::String(name) => visitor.visit_enum(name.into_deserializer()),
            _ => self.misfit(&visitor),
        }
    }

    forward_to_deserialize_any! {
        char bytes byte_buf unit unit_struct tuple_struct identifier ignored_any
    }
}

impl IntoDeserializer<'_, Error> for Reader {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Asked {
        rate: f64,
        #[serde(rename = "N")]
        n: Vec<u32>,
        name: Option<String>,
        choice: Option<Choice>,
        step: Option<Step>,
        pair: Option<(u8, i64)>,
        whole: Option<bool>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "camelCase")]
    enum Choice {
        First,
        LastOne,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
    enum Step {
        Constant { eta: f64 },
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
    enum Serdes {
        Constant { eta: f64, first_steps: Option<u64> },
        Falling { to: Option<Choice> },
        Whole,
    }

    tagged! { "Ours", "kind",
        #[derive(Debug, PartialEq)]
        enum Ours {
            Constant { eta: f64, first_steps: Option<u64> },
            Falling { to: Option<Choice> },
            Whole,
        }
    }

    #[test]
    fn a_variant_is_read_as_serde_reads_it_and_refused_in_its_words() {
        let said = |value: Value| {
            let (ours, serde) = (options::<Ours>(value.clone()), options::<Serdes>(value));
            let text = |read: &dyn std::fmt::Debug| format!("{read:?}");
            assert_eq!(
                ours.as_ref().map(|read| text(read)).map_err(Error::to_string),
                serde.as_ref().map(|read| text(read)).map_err(Error::to_string),
            );
            text(&ours)
        };
        let read = said(json!({"eta": 1, "kind": "constant", "firstSteps": 7}));
        assert_eq!(read, "Ok(Constant { eta: 1.0, first_steps: Some(7) })");
        assert_eq!(said(json!({"kind": "constant", "eta": 0.5})), "Ok(Constant { eta: 0.5, first_steps: None })");
        assert_eq!(said(json!({"kind": "falling", "to": "lastOne"})), "Ok(Falling { to: Some(LastOne) })");
        assert_eq!(said(json!({"kind": "whole"})), "Ok(Whole)");
        assert_eq!(said(json!({"kind": "whole", "more": 1})), "Ok(Whole)");
        for (wrong, why) in [
            (json!({"eta": 1}), "missing field `kind`"),
            (json!({"kind": "rising"}), "unknown variant `rising`, expected one of `constant`, `falling`, `whole`"),
            (json!({"kind": "constant"}), "missing field `eta`"),
            (json!({"kind": "constant", "eta": null}), "invalid type: null, expected f64"),
            (json!({"kind": "constant", "eta": 1, "first_steps": 2}), "unknown field `first_steps`"),
            (json!({"kind": "falling", "to": "none"}), "unknown variant `none`"),
        ] {
            let said = said(wrong);
            assert!(said.contains(why), "{said}");
        }
        for wrong in [json!(null), json!("whole"), json!({"kind": null}), json!({"kind": "constant", "eta": "1"})] {
            assert!(options::<Serdes>(wrong.clone()).is_err());
            assert!(options::<Ours>(wrong).is_err());
        }
        // A list, its first element the name, and a variant's number: serde takes them, nobody writes them.
        for wrong in [json!(["whole"]), json!({"kind": 2})] {
            assert_eq!(options::<Serdes>(wrong.clone()).unwrap(), Serdes::Whole);
            assert!(options::<Ours>(wrong).is_err());
        }
    }

    #[test]
    fn what_fits_is_read_as_serde_json_reads_it_and_the_rest_refused_in_its_words() {
        let fits = json!({
            "rate": 1, "N": [2, 3], "name": "x", "choice": "lastOne", "step": {"kind": "constant", "eta": 0.1}, "pair": [1, -2],
            "whole": true,
        });
        assert_eq!(options::<Asked>(fits.clone()).unwrap(), serde_json::from_value::<Asked>(fits.clone()).unwrap());
        let with = |field: &str, value: Value| {
            let mut changed = fits.clone();
            changed[field] = value;
            changed
        };
        for wrong in [
            json!(null),
            json!("text"),
            json!({"rate": 1.0}),
            with("more", json!(1)),
            with("rate", json!("1")),
            with("rate", json!(null)),
            with("N", json!({})),
            with("N", json!([1.5])),
            with("N", json!([-1])),
            with("name", json!([])),
            with("choice", json!("second")),
            with("step", json!({"kind": "falling"})),
            with("step", json!({"eta": 1.0})),
            with("step", json!({"kind": "constant", "eta": 1.0, "rate": 2.0})),
            with("pair", json!([300, 2])),
            with("whole", json!(0)),
        ] {
            let said = options::<Asked>(wrong.clone()).unwrap_err().to_string();
            assert_eq!(said, serde_json::from_value::<Asked>(wrong.clone()).unwrap_err().to_string(), "{wrong}");
        }
    }

    #[test]
    fn no_element_is_left_over() {
        let error = options::<(u8, i64)>(json!([1, 2, 3])).unwrap_err();
        assert_eq!(error.to_string(), "invalid length 3, expected 2 elements in sequence");
        assert_eq!(options::<(u8, i64)>(json!([1, 2])).unwrap(), (1, 2));
    }

    #[test]
    fn a_struct_is_no_list_and_a_choice_no_object() {
        let list = json!([1.0, [], null, null, null, null, null]);
        assert!(serde_json::from_value::<Asked>(list.clone()).is_ok());
        assert!(options::<Asked>(list).unwrap_err().to_string().starts_with("invalid type: sequence"));
        assert!(options::<Choice>(json!({"first": null})).is_err());
    }
}
