//! Debezium's transforms of shapes.

use super::*;

const SWAP: &str = "io.debezium.transforms.SwapGeometryCoordinates";
const FORMAT: &str = "io.debezium.transforms.GeometryFormatTransformer";

/// Points as Debezium's own tests have them.
const POINT: &str = "010100000000000000000020400000000000003340";
const SWAPPED: &str = "010100000000000000000033400000000000002040";
const EXTENDED: &str = "0101000020e610000000000000000020400000000000003340";
const LINE: &str = "0102000000030000000000000000003e40000000000000244000000000000024400000000000003e40000000000000444000000000\
                    00004440";
const LINE_SWAPPED: &str = "01020000000300000000000000000024400000000000003e400000000000003e40000000000000244000000000000044\
                            400000000000004440";

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An event of a row with a shape, alone and in a list.
fn event_of(wkb: &str, srid: Option<i32>) -> ConnectRecord {
    let (shape_schema, shape) = structure(
        "io.debezium.data.geometry.Geometry",
        true,
        vec![
            ("wkb", Schema::new(Type::Bytes), Value::Bytes(unhex(wkb).into())),
            ("srid", Schema::optional(Type::Int32), srid.map_or(Value::Null, Value::Int32)),
        ],
    );
    let list = Schema::array(Arc::new(shape_schema.clone()));
    let row = structure(
        "s.places.Value",
        true,
        vec![("place", shape_schema, shape.clone()), ("ways", list, Value::Array(vec![shape]))],
    );
    let fields = vec![("before", row.0.clone(), Value::Null), ("after", row.0, row.1)];
    let (schema, value) = structure("s.places.Envelope", false, fields);
    record(Data::new(Arc::new(schema), value))
}

/// The bytes of the shape afterwards, which are the same in the list.
fn converted(class: &str, config: &[(&str, &str)], mut event: ConnectRecord) -> Result<String> {
    let schema = event.value.schema.clone();
    make(class, config).apply(&mut event)?;
    assert_eq!(event.value.schema, schema);
    let wkb = |value: Option<&Value>| match value {
        Some(Value::Struct(shape)) => match shape.get("wkb") {
            Some(Value::Bytes(bytes)) => hex(bytes),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    let Value::Struct(value) = &event.value.value else { panic!("a struct") };
    let Some(Value::Struct(row)) = value.get("after") else { panic!("a row") };
    let Some(Value::Array(ways)) = row.get("ways") else { panic!("a list") };
    assert_eq!(wkb(ways.first()), wkb(row.get("place")));
    Ok(wkb(row.get("place")))
}

/// A shape that consists of others, of which one is written with the highest byte first.
fn collection(points: [&str; 2]) -> String {
    let high_first = |point: &str| {
        let bytes = unhex(point);
        let flip = |at: usize, count: usize| bytes[at..at + count].iter().rev().copied().collect::<Vec<_>>();
        hex(&[vec![0], flip(1, 4), flip(5, 8), flip(13, 8)].concat())
    };
    let several = format!("010400000002000000{}{}", points[0], high_first(points[1]));
    // With a height: the third number of each point stays.
    let high = format!("0102000080010000{}{}", "00", &points[0][10..]) + "000000000000f03f";
    let rings = format!("0106000000010000000103000000010000000100000{}{}", "0", &points[1][10..]);
    format!("010700000004000000{}{several}{high}{rings}", points[0])
}

#[test]
fn coordinates_are_swapped() {
    for (shape, expected) in [(POINT, SWAPPED), (LINE, LINE_SWAPPED)] {
        for (config, srid, is_swapped) in [
            (&[][..], Some(4326), true),
            (&[], Some(3857), true),
            (&[], Some(3557), false),
            (&[], None, false),
            (&[("srids", "1, 3557")], Some(3557), true),
            (&[("srids", "1")], Some(4326), false),
        ] {
            let expected = if is_swapped { expected } else { shape };
            assert_eq!(converted(SWAP, config, event_of(shape, srid)).unwrap(), expected, "{config:?} {srid:?}");
        }
    }
    let extended = converted(SWAP, &[], event_of(EXTENDED, Some(4326))).unwrap();
    assert_eq!(extended, "0101000020e610000000000000000033400000000000002040");
    let of_all = converted(SWAP, &[], event_of(&collection([POINT, POINT]), Some(4326))).unwrap();
    assert_eq!(of_all, collection([SWAPPED, SWAPPED]));

    for (wkb, why) in [
        (&POINT[..40], "a geometry is cut off"),
        ("01", "a geometry is cut off"),
        ("0102000000ffffffff", "a geometry is cut off"),
        ("01e9030000", "Invalid geometry type: 233"),
        (&"010700000001000000".repeat(40), "a geometry is nested more than 32 levels deep"),
    ] {
        let error = converted(SWAP, &[], event_of(wkb, Some(4326))).unwrap_err();
        assert_eq!(error.message.as_deref(), Some(why));
        assert_eq!(error.root_cause().to_string(), format!("field after: field place: {why}"));
    }
    assert!(try_make(SWAP, &[("srids", "4326,x")]).err().unwrap().to_string().contains("x is no number"));
    for mut other in [record(Data::NULL), record(Data::schemaless(map(&[("wkb", Value::Int64(1))])))] {
        let unchanged = other.clone();
        make(SWAP, &[]).apply(&mut other).unwrap();
        assert_eq!(other, unchanged);
    }
}

#[test]
fn shapes_get_the_form_that_is_asked_for() {
    let to = |format: &str, wkb: &str, srid| converted(FORMAT, &[("format", format)], event_of(wkb, srid)).unwrap();
    assert_eq!(to("ewkb", POINT, Some(4326)), EXTENDED);
    assert_eq!(to("EWKB", EXTENDED, Some(4326)), EXTENDED);
    assert_eq!(to("ewkb", POINT, None), POINT, "nothing is known of its coordinate system");
    assert_eq!(to("wkb", EXTENDED, Some(4326)), POINT);
    assert_eq!(to("wkb", POINT, Some(4326)), POINT);
    assert_eq!(converted(FORMAT, &[], event_of(EXTENDED, None)).unwrap(), POINT, "the default is wkb");
    assert!(converted(FORMAT, &[], event_of("0101000020e610", None)).is_err());
    assert!(try_make(FORMAT, &[("format", "geojson")]).is_err());
}
