//! SwapGeometryCoordinates and GeometryFormatTransformer: shapes in the binary form of OGC's Simple Features (WKB), or in
//! that of PostGIS (EWKB), which holds the number of the coordinate system too.

use longshore_api::config::{
    ConfigKey, ConfigType, Importance, ParsedConfig, ParsedValue, Validator, Width, invalid_value,
};
use longshore_api::{ConnectError, ConnectRecord, Parts, Result, Schema, Struct, Transform, Type, Value, Verdict};

use super::key;
use crate::part::{Side, of_field, take};
use crate::plugin::Configure;
use crate::schemas::or_default;

const GEOMETRY: &str = "io.debezium.data.geometry.Geometry";
const WITH_Z: u32 = 0x8000_0000;
const WITH_M: u32 = 0x4000_0000;
const WITH_SRID: u32 = 0x2000_0000;
/// Byte order and type.
const HEAD: usize = 5;
/// How deep collections may stand in one another.
const MAX_DEPTH: usize = 32;

/// Swaps x and y of the coordinate systems that order them differently.
#[derive(Debug)]
pub(super) struct SwapGeometryCoordinates {
    srids: Vec<i32>,
}

/// Coordinate systems that commas separate.
fn srids(text: &str) -> Result<Vec<i32>, String> {
    let one =
        |part: &str| part.trim().parse().map_err(|_| format!("{} is no number of a coordinate system", part.trim()));
    text.split(',').map(one).collect()
}

const SRIDS: Validator = Validator::Check(|name, value| match value {
    ParsedValue::Text(text) => srids(text).map(|_| ()).map_err(|why| invalid_value(name, Some(text), &why)),
    _ => Ok(()),
});

impl Configure for SwapGeometryCoordinates {
    fn keys() -> Vec<ConfigKey> {
        let display = "Geometry SRIDs that should be considered for coordinate swapping";
        vec![
            key("srids", ConfigType::String, Importance::Low, Width::Medium, display)
                .default_null()
                .validator(SRIDS)
                .doc("The coordinate systems (SRID) whose coordinates are swapped; without it 4326, 3857 and 4269."),
        ]
    }

    fn new(config: &ParsedConfig, _side: Side) -> Result<Self> {
        let given = config.text("srids").map(srids).transpose().map_err(ConnectError::config)?;
        Ok(Self { srids: given.unwrap_or_else(|| vec![4326, 3857, 4269]) })
    }
}

impl Transform for SwapGeometryCoordinates {
    fn parts(&self) -> Parts {
        Parts::VALUE
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        each(&mut record.value.value, &mut |srid, wkb| match srid {
            Some(srid) if self.srids.contains(&srid) => {
                let mut bytes = wkb.to_vec();
                Walk { bytes: &mut bytes, at: 0 }.geometry(0)?;
                Ok(Some(bytes))
            }
            _ => Ok(None),
        })?;
        Ok(Verdict::Keep)
    }
}

/// Writes shapes as WKB or as EWKB.
///
/// Differs from Debezium 3.3: the `format` is that which shapes have afterwards, as its documentation says. There `ewkb`
/// leaves everything as it is, and `wkb` makes EWKB of WKB.
#[derive(Debug)]
pub(super) struct GeometryFormatTransformer {
    extended: bool,
}

impl Configure for GeometryFormatTransformer {
    fn keys() -> Vec<ConfigKey> {
        vec![
            key("format", ConfigType::String, Importance::Low, Width::Medium, "Target Format")
                .default("wkb")
                .validator(Validator::OneOfIgnoreCase(&["wkb", "ewkb"]))
                .doc("The form that shapes get: wkb, or ewkb with the number of their coordinate system."),
        ]
    }

    fn new(config: &ParsedConfig, _side: Side) -> Result<Self> {
        Ok(Self { extended: config.string("format").eq_ignore_ascii_case("ewkb") })
    }
}

impl Transform for GeometryFormatTransformer {
    fn parts(&self) -> Parts {
        Parts::VALUE
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        each(&mut record.value.value, &mut |srid, wkb| {
            let (is_little, kind) = head(wkb)?;
            let word = |number: u32| if is_little { number.to_le_bytes() } else { number.to_be_bytes() };
            Ok(match (self.extended, kind & WITH_SRID != 0, srid) {
                // Without a coordinate system there is nothing to add.
                (true, false, Some(srid)) => {
                    let head = [&wkb[..1], &word(kind | WITH_SRID), &word(srid as u32)].concat();
                    Some([&head, &wkb[HEAD..]].concat())
                }
                (false, true, _) => {
                    let rest = wkb.get(HEAD + 4..).ok_or_else(cut_off)?;
                    Some([&wkb[..1], &word(kind & !WITH_SRID), rest].concat())
                }
                _ => None,
            })
        })?;
        Ok(Verdict::Keep)
    }
}

fn cut_off() -> ConnectError {
    ConnectError::data("a geometry is cut off")
}

/// Whether numbers stand the lowest byte first, and the type with its flags.
fn head(wkb: &[u8]) -> Result<(bool, u32)> {
    let [order, a, b, c, d, ..] = *wkb else { return Err(cut_off()) };
    let is_little = order == 1;
    let number = [a, b, c, d];
    Ok((is_little, if is_little { u32::from_le_bytes(number) } else { u32::from_be_bytes(number) }))
}

/// What becomes of a shape: the bytes that take the place of its own, if any do. It is told the coordinate system.
type Change<'c> = dyn FnMut(Option<i32>, &[u8]) -> Result<Option<Vec<u8>>> + 'c;

/// Goes to each shape of a struct, at any depth.
fn each(value: &mut Value, change: &mut Change<'_>) -> Result<()> {
    let Value::Struct(structure) = value else { return Ok(()) };
    let schema = std::sync::Arc::clone(&structure.schema);
    for (field, value) in schema.fields.iter().zip(&mut structure.values) {
        *value = or_default(take(value), &field.schema, true);
        within(value, &field.schema, change).map_err(|error| of_field(error, &field.name))?;
    }
    Ok(())
}

fn within(value: &mut Value, schema: &Schema, change: &mut Change<'_>) -> Result<()> {
    match value {
        Value::Struct(shape) if schema.name.as_deref() == Some(GEOMETRY) => convert(shape, change),
        Value::Struct(_) => each(value, change),
        Value::Array(elements) => match &schema.value_schema {
            Some(schema) => elements.iter_mut().try_for_each(|element| within(element, schema, change)),
            None => Ok(()),
        },
        Value::Map(entries) => match &schema.value_schema {
            Some(schema) if schema.kind == Type::Struct => {
                let old = std::mem::take(entries);
                for (key, mut value) in old {
                    within(&mut value, schema, change)?;
                    entries.push_new(key, value);
                }
                Ok(())
            }
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

fn convert(shape: &mut Struct, change: &mut Change<'_>) -> Result<()> {
    let srid = match shape.get("srid") {
        Some(Value::Int32(srid)) => Some(*srid),
        _ => None,
    };
    let wkb = shape.schema.field_index("wkb").and_then(|index| shape.values.get_mut(index));
    let Some(Value::Bytes(wkb)) = wkb else { return Ok(()) };
    if let Some(changed) = change(srid, wkb)? {
        *wkb = changed.into();
    }
    Ok(())
}

/// A way through the bytes of a shape that swaps the coordinates it comes by.
struct Walk<'w> {
    bytes: &'w mut [u8],
    at: usize,
}

/// How the numbers of a shape are written, and of how many a point consists.
#[derive(Clone, Copy)]
struct Form {
    is_little: bool,
    numbers: usize,
}

impl Walk<'_> {
    /// Byte order, and type with its flags.
    fn head(&mut self) -> Result<(bool, u32)> {
        let found = head(self.bytes.get(self.at..).unwrap_or_default())?;
        self.at += HEAD;
        Ok(found)
    }

    fn count(&mut self, form: Form) -> Result<u32> {
        let number = self.bytes.get(self.at..self.at + 4).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
        let number = number.ok_or_else(cut_off)?;
        self.at += 4;
        Ok(if form.is_little { u32::from_le_bytes(number) } else { u32::from_be_bytes(number) })
    }

    fn geometry(&mut self, depth: usize) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(ConnectError::data(format!("a geometry is nested more than {MAX_DEPTH} levels deep")));
        }
        let (is_little, kind) = self.head()?;
        let form = Form { is_little, numbers: 2 + usize::from(kind & WITH_Z != 0) + usize::from(kind & WITH_M != 0) };
        if kind & WITH_SRID != 0 {
            self.count(form)?;
        }
        match kind & 0xFF {
            1 => self.point(form),
            2 => self.points(form),
            3 => self.rings(form),
            4 => self.several(form, Self::point),
            5 => self.several(form, Self::points),
            6 => self.several(form, Self::rings),
            7 => {
                for _ in 0..self.count(form)? {
                    self.geometry(depth + 1)?;
                }
                Ok(())
            }
            other => Err(ConnectError::data(format!("Invalid geometry type: {other}"))),
        }
    }

    fn point(&mut self, form: Form) -> Result<()> {
        let point = self.bytes.get_mut(self.at..self.at + form.numbers * 8).ok_or_else(cut_off)?;
        let (x, rest) = point.split_at_mut(8);
        x.swap_with_slice(&mut rest[..8]);
        self.at += form.numbers * 8;
        Ok(())
    }

    fn points(&mut self, form: Form) -> Result<()> {
        (0..self.count(form)?).try_for_each(|_| self.point(form))
    }

    fn rings(&mut self, form: Form) -> Result<()> {
        (0..self.count(form)?).try_for_each(|_| self.points(form))
    }

    /// Shapes of one kind, each with a head of its own.
    fn several(&mut self, form: Form, one: fn(&mut Self, Form) -> Result<()>) -> Result<()> {
        for _ in 0..self.count(form)? {
            let (is_little, _) = self.head()?;
            one(self, Form { is_little, ..form })?;
        }
        Ok(())
    }
}
