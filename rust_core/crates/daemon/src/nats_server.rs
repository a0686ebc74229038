//! The NATS server that the settings name: its address and the credentials for it.
//!
//! The NATS client ignores the part of a URL before the
//! `@`, so this module reads the credentials from it. They are secret: neither `Debug` nor `Display` nor an
//! error shows them.
use async_nats::{ConnectOptions, ServerAddr};
use percent_encoding::percent_decode_str;
use std::fmt;

#[derive(Clone, PartialEq, Eq)]
enum Credentials {
    Anonymous,
    Token(String),
    User { name: String, password: String },
}

/// An address and the credentials for it.
#[derive(Clone)]
pub struct NatsServer {
    pub address: ServerAddr,
    credentials: Credentials,
}

impl NatsServer {
    /// Parses `[scheme://][user:password@|token@]host[:port]` with user, password and token in
    /// percent-encoded UTF-8. The error is a sentence without the secret; a retry does not help.
    pub fn parse(url: &str) -> Result<NatsServer, String> {
        let invalid = |reason: String| format!("invalid URL of the NATS server: {reason}");
        let address: ServerAddr = url
            .parse()
            .map_err(|error: std::io::Error| invalid(error.to_string()))?;
        let decode = |text: &str| {
            let decoded = percent_decode_str(text).decode_utf8();
            decoded
                .map(|text| text.into_owned())
                .map_err(|_| invalid("user or password is not UTF-8".into()))
        };
        let credentials = match (address.username(), address.password()) {
            (None, None) => Credentials::Anonymous,
            // A user without a password is a token, as in other NATS clients.
            (Some(token), None) => Credentials::Token(decode(token)?),
            (name, Some(password)) => Credentials::User {
                name: decode(name.unwrap_or_default())?,
                password: decode(password)?,
            },
        };
        Ok(NatsServer { address, credentials })
    }

    /// Connect options with the credentials.
    pub fn options(&self) -> ConnectOptions {
        match self.credentials.clone() {
            Credentials::Anonymous => ConnectOptions::new(),
            Credentials::Token(token) => ConnectOptions::with_token(token),
            Credentials::User { name, password } => ConnectOptions::with_user_and_password(name, password),
        }
    }
}

/// Shows the address without the credentials.
impl fmt::Display for NatsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, host, port) = (self.address.scheme(), self.address.host(), self.address.port());
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]:{port}")
        } else {
            write!(f, "{scheme}://{host}:{port}")
        }
    }
}
impl fmt::Debug for NatsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::{Credentials, NatsServer};

    fn user(name: &str, password: &str) -> Credentials {
        Credentials::User {
            name: name.into(),
            password: password.into(),
        }
    }

    #[test]
    fn user_and_password_are_decoded_and_not_shown() {
        let token = Credentials::Token("s3:cret".into());
        for (url, credentials, shown) in [
            ("nats://127.0.0.1:4222", Credentials::Anonymous, "nats://127.0.0.1:4222"),
            ("nats.internal", Credentials::Anonymous, "nats://nats.internal:4222"),
            ("nats://matchd:plain@h:1", user("matchd", "plain"), "nats://h:1"),
            ("matchd:plain@h:1", user("matchd", "plain"), "nats://h:1"),
            ("nats://m%40d:p%3A%2F%25%C3%A9@h:1", user("m@d", "p:/%é"), "nats://h:1"),
            ("nats://:plain@h:1", user("", "plain"), "nats://h:1"),
            ("tls://s3%3Acret@[::1]:1", token, "tls://[::1]:1"),
        ] {
            let server = NatsServer::parse(url).unwrap();
            assert!(server.credentials == credentials, "{url}");
            assert_eq!(server.to_string(), shown, "{url}");
            assert_eq!(format!("{server:?}"), format!("Server({shown})"), "{url}");
        }
    }

    #[test]
    fn an_invalid_url_is_rejected_without_showing_the_secret() {
        for url in [
            "nats://m:hidden%FF@h",
            "http://m:hidden@h",
            "nats://m:hidden@h:port",
            "nats://m:hidden@",
        ] {
            let error = NatsServer::parse(url).unwrap_err();
            assert!(!error.contains("hidden"), "{url}: {error}");
        }
    }
}
