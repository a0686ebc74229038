//! What a function's answer means. The two codes that relay acts on are written by `cift/host/errors.py`, `to_relay`.
use serde_json::Value;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 2xx: dealt with.
    Done,
    /// 409 `expected`: that record must come first.
    Expected(u64),
    /// 409 `busy`: a timer's function that is at work already.
    Busy,
    /// 422 `poison`: no retry will make it good; the sentence says why.
    Poison(String),
    /// Anything else: try again.
    Failed { sentence: String, timed_out: bool },
}

impl Answer {
    pub fn failed(sentence: impl Into<String>) -> Answer {
        Answer::Failed {
            sentence: sentence.into(),
            timed_out: false,
        }
    }
    pub fn timed_out(sentence: impl Into<String>) -> Answer {
        Answer::Failed {
            sentence: sentence.into(),
            timed_out: true,
        }
    }
    /// Reads status and body of an answer.
    pub fn read(status: u16, body: &[u8]) -> Answer {
        if (200..300).contains(&status) {
            return Answer::Done;
        }
        let said: Value = serde_json::from_slice(body).unwrap_or_default();
        let code = said["code"].as_str().unwrap_or_default();
        let message = said["message"].as_str().unwrap_or_default();
        match (status, code) {
            (409, "expected") => match said["expected"].as_u64() {
                Some(sequence) => Answer::Expected(sequence),
                None => Answer::failed("409 expected, without a number"),
            },
            (409, "busy") => Answer::Busy,
            (422, "poison") => Answer::Poison(message.to_owned()),
            (_, "") => Answer::failed(format!("{status}, not from a function of ours")),
            (_, "timed_out") => Answer::timed_out(format!("{status} {code}: {message}")),
            _ => Answer::failed(format!("{status} {code}: {message}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_two_codes_move_a_handler_otherwise() {
        let read = |status, body: &str| Answer::read(status, body.as_bytes());
        assert_eq!(read(204, ""), Answer::Done);
        assert_eq!(read(409, r#"{"code":"expected","expected":7}"#), Answer::Expected(7));
        assert_eq!(read(409, r#"{"code":"busy"}"#), Answer::Busy);
        assert_eq!(
            read(422, r#"{"code":"poison","message":"no address"}"#),
            Answer::Poison("no address".into())
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
            let answer = read(status, body);
            let timed_out = body.contains("timed_out");
            let Answer::Failed {
                sentence,
                timed_out: told,
            } = answer
            else {
                panic!("{status} {body}: {answer:?}")
            };
            assert!(sentence.starts_with(&status.to_string()), "{sentence}");
            assert_eq!(told, timed_out);
        }
    }
}
