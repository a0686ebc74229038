//! What the response of a function means. `to_relay` in `cift/host/errors.py` writes the codes that relay
//! acts on.
use serde_json::Value;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// 2xx: handled.
    Done,
    /// 409 `expected`: the function needs this record first.
    Expected(u64),
    /// 409 `busy`: the function of a timer is already running.
    Busy,
    /// 422 `poison`: a retry does not help, for this reason.
    Poison(String),
    /// Any other response, or none: retry.
    Failed { reason: String, timed_out: bool },
}

impl Response {
    pub fn failed(reason: impl Into<String>) -> Response {
        Response::Failed {
            reason: reason.into(),
            timed_out: false,
        }
    }
    pub fn timed_out(reason: impl Into<String>) -> Response {
        Response::Failed {
            reason: reason.into(),
            timed_out: true,
        }
    }
    /// Parses the status and body of a response.
    pub fn parse(status: u16, body: &[u8]) -> Response {
        if (200..300).contains(&status) {
            return Response::Done;
        }
        let error: Value = serde_json::from_slice(body).unwrap_or_default();
        let code = error["code"].as_str().unwrap_or_default();
        let message = error["message"].as_str().unwrap_or_default();
        match (status, code) {
            (409, "expected") => match error["expected"].as_u64() {
                Some(sequence) => Response::Expected(sequence),
                None => Response::failed("409 expected, without the expected sequence"),
            },
            (409, "busy") => Response::Busy,
            (422, "poison") => Response::Poison(message.to_owned()),
            (_, "") => Response::failed(format!("{status} without an error code: not from a CIFT function")),
            (_, "timed_out") => Response::timed_out(format!("{status} {code}: {message}")),
            _ => Response::failed(format!("{status} {code}: {message}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_other_response_than_2xx_and_the_known_codes_is_a_failure() {
        let parse = |status, body: &str| Response::parse(status, body.as_bytes());
        assert_eq!(parse(204, ""), Response::Done);
        assert_eq!(parse(409, r#"{"code":"expected","expected":7}"#), Response::Expected(7));
        assert_eq!(parse(409, r#"{"code":"busy"}"#), Response::Busy);
        assert_eq!(
            parse(422, r#"{"code":"poison","message":"no address"}"#),
            Response::Poison("no address".into())
        );
        for (status, body) in [
            (409, r#"{"code":"expected"}"#),
            (409, "expected"),
            (422, "poison"),
            (422, r#"{"code":"invalid"}"#),
            (404, "no such host"),
            (503, r#"{"code":"timed_out","message":"60 s"}"#),
            (500, ""),
            (301, ""),
        ] {
            let response = parse(status, body);
            let Response::Failed { reason, timed_out } = response else {
                panic!("{status} {body}: {response:?}")
            };
            assert!(reason.starts_with(&status.to_string()), "{reason}");
            assert_eq!(timed_out, body.contains("timed_out"));
        }
    }
}
