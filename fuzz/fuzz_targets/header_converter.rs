//! Headers by the converter that guesses their types, which must be able to write whatever it has read.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use longshore_api::Props;
use longshore_formats::{HeaderConverter, plugins};

static CONVERTERS: LazyLock<Vec<Arc<dyn HeaderConverter>>> = LazyLock::new(|| {
    let of_headers = plugins().iter().filter(|plugin| plugin.is_header_converter());
    of_headers.filter_map(|plugin| plugin.new_header_converter(&Props::new()).ok()).collect()
});

fuzz_target!(|bytes: &[u8]| {
    for converter in &*CONVERTERS {
        let Ok(data) = converter.to_connect_header("topic", "name", Some(bytes)) else { continue };
        let mut written = Vec::new();
        let wrote = converter.from_connect_header("topic", "name", &data, &mut written);
        assert!(wrote.is_ok(), "{}: {wrote:?}", converter.class());
    }
});
