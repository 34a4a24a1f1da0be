//! The descriptions that are built in.

/// A description that is built in.
#[derive(Debug)]
pub(crate) struct Quickstart {
    /// What it is called.
    pub(crate) name: &'static str,
    /// The file name under which `schema.filename` finds it too, as in the connector of old.
    pub(crate) file: &'static str,
    /// The field that is the key where the user names none.
    pub(crate) key_field: &'static str,
    /// The description itself.
    pub(crate) description: &'static str,
}

macro_rules! quickstarts {
    ($($name:literal, $file:literal, $key_field:literal;)*) => {
        [$(Quickstart {
            name: $name,
            file: $file,
            key_field: $key_field,
            description: include_str!(concat!("quickstarts/", $name, ".avsc")),
        }),*]
    };
}

/// All of them, in the order in which messages list them.
pub(crate) static ALL: [Quickstart; 39] = quickstarts! {
    "clickstream_codes", "clickstream_codes_schema.avro", "code";
    "clickstream", "clickstream_schema.avro", "ip";
    "clickstream_users", "clickstream_users_schema.avro", "user_id";
    "orders", "orders_schema.avro", "orderid";
    "ratings", "ratings_schema.avro", "rating_id";
    "users", "users_schema.avro", "userid";
    "users_", "users_array_map_schema.avro", "userid";
    "pageviews", "pageviews_schema.avro", "viewtime";
    "stock_trades", "stock_trades_schema.avro", "symbol";
    "inventory", "inventory.avro", "id";
    "product", "product.avro", "id";
    "purchases", "purchase.avro", "id";
    "transactions", "transactions.avro", "transaction_id";
    "stores", "stores.avro", "store_id";
    "credit_cards", "credit_cards.avro", "card_id";
    "campaign_finance", "campaign_finance.avro", "candidate_id";
    "fleet_mgmt_description", "fleet_mgmt_description.avro", "vehicle_id";
    "fleet_mgmt_location", "fleet_mgmt_location.avro", "vehicle_id";
    "fleet_mgmt_sensors", "fleet_mgmt_sensors.avro", "vehicle_id";
    "pizza_orders", "pizza_orders.avro", "store_id";
    "pizza_orders_completed", "pizza_orders_completed.avro", "store_id";
    "pizza_orders_cancelled", "pizza_orders_cancelled.avro", "store_id";
    "insurance_offers", "insurance_offers.avro", "offer_id";
    "insurance_customers", "insurance_customers.avro", "customer_id";
    "insurance_customer_activity", "insurance_customer_activity.avro", "activity_id";
    "gaming_games", "gaming_games.avro", "id";
    "gaming_players", "gaming_players.avro", "player_id";
    "gaming_player_activity", "gaming_player_activity.avro", "player_id";
    "payroll_employee", "payroll_employee.avro", "employee_id";
    "payroll_employee_location", "payroll_employee_location.avro", "employee_id";
    "payroll_bonus", "payroll_bonus.avro", "employee_id";
    "syslog_logs", "syslog_logs.avro", "host";
    "device_information", "device_information.avro", "device_ip";
    "siem_logs", "siem_logs.avro", "hostname";
    "shoes", "shoes.avro", "id";
    "shoe_customers", "shoe_customers.avro", "id";
    "shoe_orders", "shoe_orders.avro", "order_id";
    "shoe_clickstream", "shoe_clickstream.avro", "product_id";
    "stock_quotes", "stock_quotes.avro", "symbol";
};

/// The quickstart of a name, in any case.
pub(crate) fn by_name(name: &str) -> Option<&'static Quickstart> {
    ALL.iter().find(|quickstart| quickstart.name.eq_ignore_ascii_case(name))
}

/// The quickstart whose description was in a file of this name.
pub(crate) fn by_file(file: &str) -> Option<&'static Quickstart> {
    ALL.iter().find(|quickstart| quickstart.file == file)
}
