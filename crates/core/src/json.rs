//! What is read from JSON by serde: options, headers. There is one way for each, since every way is compiled anew for all that is
//! read.

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Unexpected, Visitor};
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

/// A value as options are read from it.
struct Reader(Value);

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
