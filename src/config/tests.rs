mod connector;
mod environment;
mod properties;
mod providers;
mod worker;
