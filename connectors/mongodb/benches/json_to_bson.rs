//! JSON to BSON: time and allocations a record, for the two records that the project's measurements use.

use divan::counter::BytesCount;
use divan::{AllocProfiler, Bencher, black_box};

#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

/// A stock quote of 198 bytes.
const QUOTE: &[u8] = br#"{"symbol":"ACME","exchange":"XNAS","price":184.37,"bid":184.35,"ask":184.39,"volume":1250300,"currency":"USD","time":"2026-01-15T14:32:07.123Z","sequence":98127345,"trader":"t-48213","halted":false}"#;

/// A nested order of 445 bytes.
const ORDER: &[u8] = br#"{"orderId":"ord-00018273","customer":{"id":48213,"name":"Maria Lindqvist","email":"maria.lindqvist@example.com","address":{"street":"Storgatan 12","city":"Uppsala","zip":"75320","country":"SE"}},"items":[{"sku":"KB-4411","title":"Keyboard","quantity":1,"price":89.9},{"sku":"MS-1002","title":"Mouse","quantity":2,"price":24.5}],"total":138.9,"currency":"EUR","paid":true,"coupon":null,"createdAt":1736951527123,"note":"leave at the door, bell."}"#;

fn main() {
    assert_eq!((QUOTE.len(), ORDER.len()), (198, 445));
    divan::main();
}

#[divan::bench(args = ["quote", "order"])]
fn to_bson(bencher: Bencher<'_, '_>, record: &str) {
    let json = if record == "quote" { QUOTE } else { ORDER };
    let mut converter = longshore_mongodb::bench::Converter::default();
    assert!(converter.convert(json) > json.len() / 2);
    bencher.counter(BytesCount::of_slice(json)).bench_local(|| converter.convert(black_box(json)));
}
