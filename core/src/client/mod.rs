//! tmp
/// x
#[derive(Debug)]
pub struct Client;
/// x
#[derive(Debug)]
pub struct Response;
impl Response { pub fn status(&self)->http::StatusCode { http::StatusCode::OK } }
/// x
#[derive(Debug)]
pub struct GraphqlError;
