mod connector;
mod environment;
mod properties;
mod providers;
mod reference;
mod worker;
