//! The NATS server as the settings name it: where it is, and who we are there.
//!
//! The client of NATS ignores what a URL says before the `@`, so it is taken out here. It is a secret: neither `Debug`
//! nor `Display` nor an error shows it.
use async_nats::{ConnectOptions, ServerAddr};
use percent_encoding::percent_decode_str;
use std::fmt;

#[derive(Clone, PartialEq, Eq)]
enum Identity {
    Anonymous,
    Token(String),
    User { name: String, password: String },
}

/// See the module's header.
#[derive(Clone)]
pub struct Server {
    pub address: ServerAddr,
    identity: Identity,
}

impl Server {
    /// `[scheme://][user:password@|token@]host[:port]`, user, password and token percent-encoded UTF-8. An error is a
    /// sentence; trying again does not help.
    pub fn parse(url: &str) -> Result<Server, String> {
        let bad = |what: String| format!("the URL of the NATS server: {what}");
        let address: ServerAddr = url.parse().map_err(|error: std::io::Error| bad(error.to_string()))?;
        let decode = |text: &str| {
            let decoded = percent_decode_str(text).decode_utf8();
            decoded
                .map(|text| text.into_owned())
                .map_err(|_| bad("user or password is not UTF-8".into()))
        };
        let identity = match (address.username(), address.password()) {
            (None, None) => Identity::Anonymous,
            // A name alone is a token, as for other clients of NATS.
            (Some(token), None) => Identity::Token(decode(token)?),
            (name, Some(password)) => Identity::User {
                name: decode(name.unwrap_or_default())?,
                password: decode(password)?,
            },
        };
        Ok(Server { address, identity })
    }

    /// Options that say who we are.
    pub fn options(&self) -> ConnectOptions {
        match self.identity.clone() {
            Identity::Anonymous => ConnectOptions::new(),
            Identity::Token(token) => ConnectOptions::with_token(token),
            Identity::User { name, password } => ConnectOptions::with_user_and_password(name, password),
        }
    }
}

/// Without the secret.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, host, port) = (self.address.scheme(), self.address.host(), self.address.port());
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]:{port}")
        } else {
            write!(f, "{scheme}://{host}:{port}")
        }
    }
}
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::{Identity, Server};

    fn user(name: &str, password: &str) -> Identity {
        Identity::User {
            name: name.into(),
            password: password.into(),
        }
    }

    #[test]
    fn user_and_password_are_decoded_and_not_shown() {
        let token = Identity::Token("s3:cret".into());
        for (url, identity, shown) in [
            ("nats://127.0.0.1:4222", Identity::Anonymous, "nats://127.0.0.1:4222"),
            ("nats.internal", Identity::Anonymous, "nats://nats.internal:4222"),
            ("nats://matchd:plain@h:1", user("matchd", "plain"), "nats://h:1"),
            ("matchd:plain@h:1", user("matchd", "plain"), "nats://h:1"),
            ("nats://m%40d:p%3A%2F%25%C3%A9@h:1", user("m@d", "p:/%é"), "nats://h:1"),
            ("nats://:plain@h:1", user("", "plain"), "nats://h:1"),
            ("tls://s3%3Acret@[::1]:1", token, "tls://[::1]:1"),
        ] {
            let server = Server::parse(url).unwrap();
            assert!(server.identity == identity, "{url}");
            assert_eq!(server.to_string(), shown, "{url}");
            assert_eq!(format!("{server:?}"), format!("Server({shown})"), "{url}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_without_telling_the_secret() {
        for url in [
            "nats://m:hidden%FF@h",
            "http://m:hidden@h",
            "nats://m:hidden@h:port",
            "nats://m:hidden@",
        ] {
            let fault = Server::parse(url).unwrap_err();
            assert!(!fault.contains("hidden"), "{url}: {fault}");
        }
    }
}
