//! A bucket of an object store that speaks the S3 protocol: put, get, list, delete.
//!
//! One connection per request, signed with AWS Signature Version 4, in path style. The `object_store` crate
//! does the same with some 60 more crates; an archive needs four calls every few minutes.
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>.
//!
//! Settings are those of the AWS tools: `AWS_ENDPOINT_URL`, `AWS_REGION`, `AWS_ACCESS_KEY_ID` and
//! `AWS_SECRET_ACCESS_KEY`.
//!
//! # Known limits
//! No session tokens, no redirects, no multipart uploads (an object has at most 5 GiB).
use crate::segment::{hex, sha256};
use cift_daemon::log;
use ring::hmac;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);
const RESPONSE_BYTES_MAX: u64 = 1 << 30;

pub struct Bucket {
    host: String,
    port: u16,
    tls: Option<TlsConnector>,
    bucket: String,
    prefix: String,
    region: String,
    key_id: String,
    secret: String,
}

fn variable(name: &str) -> Result<String, String> {
    std::env::var(name)
        .ok()
        .filter(|value| !value.is_empty())
        .ok_or_else(|| format!("CIFT_ARCHIVE names a bucket, so {name} must be set"))
}

/// Percent-encodes all but unreserved characters, and `/` if it is kept.
fn encode(text: &str, keep_slash: bool) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte as char),
            b'/' if keep_slash => out.push('/'),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

fn hmac_of(key: &[u8], text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

/// `20130524T000000Z` of seconds since the Unix epoch.
fn amz_date(seconds: i64) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days to a date of the proleptic Gregorian calendar: Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!(
        "{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z",
        second / 3_600,
        second / 60 % 60,
        second % 60
    )
}

impl Bucket {
    /// `name` is `bucket` or `bucket/prefix`.
    pub fn from_environment(name: &str) -> Result<Bucket, String> {
        let (bucket, prefix) = name.split_once('/').unwrap_or((name, ""));
        let region = std::env::var("AWS_REGION").unwrap_or_else(|_| "us-east-1".into());
        let endpoint =
            std::env::var("AWS_ENDPOINT_URL").unwrap_or_else(|_| format!("https://s3.{region}.amazonaws.com"));
        let (secure, address) = match (endpoint.strip_prefix("https://"), endpoint.strip_prefix("http://")) {
            (Some(address), _) => (true, address),
            (_, Some(address)) => (false, address),
            _ => return Err(format!("AWS_ENDPOINT_URL {endpoint:?} is neither http:// nor https://")),
        };
        let address = address.trim_end_matches('/');
        let (host, port) = match address.rsplit_once(':') {
            Some((host, port)) => {
                let port = port
                    .parse()
                    .map_err(|_| format!("AWS_ENDPOINT_URL {endpoint:?} has no valid port"))?;
                (host, port)
            }
            None => (address, if secure { 443 } else { 80 }),
        };
        Ok(Bucket {
            host: host.to_owned(),
            port,
            tls: secure.then(tls_connector).transpose()?,
            bucket: bucket.to_owned(),
            prefix: prefix.trim_matches('/').to_owned(),
            region,
            key_id: variable("AWS_ACCESS_KEY_ID")?,
            secret: variable("AWS_SECRET_ACCESS_KEY")?,
        })
    }

    fn key(&self, name: &str) -> String {
        if self.prefix.is_empty() {
            name.to_owned()
        } else {
            format!("{}/{name}", self.prefix)
        }
    }

    pub async fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), String> {
        match self.request("PUT", &self.key(name), "", &bytes).await? {
            (200..=299, _) => Ok(()),
            (status, body) => Err(self.unexpected("PUT", name, status, &body)),
        }
    }

    pub async fn get(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
        match self.request("GET", &self.key(name), "", b"").await? {
            (200, body) => Ok(Some(body)),
            (404, _) => Ok(None),
            (status, body) => Err(self.unexpected("GET", name, status, &body)),
        }
    }

    pub async fn delete(&self, name: &str) -> Result<(), String> {
        match self.request("DELETE", &self.key(name), "", b"").await? {
            (200..=299 | 404, _) => Ok(()),
            (status, body) => Err(self.unexpected("DELETE", name, status, &body)),
        }
    }

    /// Names of the objects in `folder`, without the folder.
    pub async fn list(&self, folder: &str) -> Result<Vec<String>, String> {
        let prefix = format!("{}/", self.key(folder));
        let (mut names, mut token) = (Vec::new(), None::<String>);
        loop {
            // The parameters are in the order of their names, as the signature requires.
            let mut query = String::new();
            if let Some(token) = &token {
                query = format!("continuation-token={}&", encode(token, false));
            }
            query.push_str(&format!("list-type=2&prefix={}", encode(&prefix, false)));
            let (status, body) = self.request("GET", "", &query, b"").await?;
            let text = String::from_utf8_lossy(&body);
            if status != 200 {
                return Err(self.unexpected("list", folder, status, &body));
            }
            names.extend(elements(&text, "Key").filter_map(|key| Some(key.strip_prefix(&prefix)?.to_owned())));
            token = elements(&text, "NextContinuationToken").next().map(str::to_owned);
            if token.is_none() {
                return Ok(names);
            }
        }
    }

    fn unexpected(&self, verb: &str, name: &str, status: u16, body: &[u8]) -> String {
        let text = String::from_utf8_lossy(body);
        let reason = elements(&text, "Code").next().unwrap_or("no reason");
        format!(
            "the object store {} answers {status} ({reason}) to {verb} {name}",
            self.host
        )
    }

    /// The headers of a request, signed.
    fn headers(&self, verb: &str, path: &str, query: &str, body: &[u8], date: &str) -> String {
        let default_port = if self.tls.is_some() { 443 } else { 80 };
        let host = if self.port == default_port {
            self.host.clone()
        } else {
            format!("{}:{}", self.host, self.port)
        };
        let hash = sha256(body);
        let signed = "host;x-amz-content-sha256;x-amz-date";
        let canonical = format!(
            "{verb}\n{path}\n{query}\nhost:{host}\nx-amz-content-sha256:{hash}\nx-amz-date:{date}\n\n{signed}\n{hash}"
        );
        let day = &date[..8];
        let scope = format!("{day}/{}/s3/aws4_request", self.region);
        let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", sha256(canonical.as_bytes()));
        let mut key = hmac_of(format!("AWS4{}", self.secret).as_bytes(), day);
        for part in [self.region.as_str(), "s3", "aws4_request"] {
            key = hmac_of(&key, part);
        }
        let signature = hex(&hmac_of(&key, &text));
        format!(
            "Host: {host}\r\nx-amz-content-sha256: {hash}\r\nx-amz-date: {date}\r\nAuthorization: AWS4-HMAC-SHA256 \
             Credential={}/{scope},SignedHeaders={signed},Signature={signature}\r\nContent-Length: {}\r\n\
             Connection: close\r\n",
            self.key_id,
            body.len()
        )
    }

    async fn request(&self, verb: &str, key: &str, query: &str, body: &[u8]) -> Result<(u16, Vec<u8>), String> {
        let path = encode(&format!("/{}/{key}", self.bucket), true);
        let path = path.trim_end_matches('/');
        let date = amz_date(log::wall_clock_ns() / 1_000_000_000);
        let headers = self.headers(verb, path, query, body, &date);
        let target = if query.is_empty() {
            path.to_owned()
        } else {
            format!("{path}?{query}")
        };
        let head = format!("{verb} {target} HTTP/1.1\r\n{headers}\r\n");
        let call = async {
            let socket = TcpStream::connect((self.host.as_str(), self.port)).await?;
            match &self.tls {
                None => exchange(socket, &head, body).await,
                Some(tls) => {
                    let name = ServerName::try_from(self.host.clone()).map_err(std::io::Error::other)?;
                    exchange(tls.connect(name, socket).await?, &head, body).await
                }
            }
        };
        let response = tokio::time::timeout(REQUEST_TIMEOUT, call)
            .await
            .map_err(|_| format!("the object store {} does not answer", self.host))?
            .map_err(|error| format!("the object store {} cannot be reached: {error}", self.host))?;
        parse_response(&response).ok_or_else(|| format!("the object store {} answers no complete HTTP", self.host))
    }
}

fn tls_connector() -> Result<TlsConnector, String> {
    let mut roots = RootCertStore::empty();
    for certificate in rustls_native_certs::load_native_certs().certs {
        let _ = roots.add(certificate);
    }
    if roots.is_empty() {
        return Err("this machine has no root certificates for https://".into());
    }
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    mut socket: S,
    head: &str,
    body: &[u8],
) -> std::io::Result<Vec<u8>> {
    socket.write_all(head.as_bytes()).await?;
    socket.write_all(body).await?;
    socket.flush().await?;
    let mut response = Vec::new();
    socket.take(RESPONSE_BYTES_MAX).read_to_end(&mut response).await?;
    Ok(response)
}

/// Status and body. `None` if the response is not complete.
fn parse_response(response: &[u8]) -> Option<(u16, Vec<u8>)> {
    let end = response.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&response[..end]).ok()?;
    let body = &response[end + 4..];
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let header = |wanted: &str| {
        head.split("\r\n").skip(1).find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case(wanted)
                .then(|| value.trim().to_ascii_lowercase())
        })
    };
    if header("transfer-encoding").is_some_and(|value| value.contains("chunked")) {
        return Some((status, join_chunks(body)?));
    }
    match header("content-length") {
        Some(length) => Some((status, body.get(..length.parse().ok()?)?.to_vec())),
        None => Some((status, body.to_vec())),
    }
}

fn join_chunks(mut body: &[u8]) -> Option<Vec<u8>> {
    let mut joined = Vec::new();
    loop {
        let end = body.windows(2).position(|window| window == b"\r\n")?;
        let size = std::str::from_utf8(&body[..end]).ok()?.split(';').next()?;
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        if size == 0 {
            return Some(joined);
        }
        joined.extend_from_slice(body.get(end + 2..end + 2 + size)?);
        body = body.get(end + 2 + size + 2..)?;
    }
}

/// The texts of the elements with this name. The names that are read here need no unescaping.
fn elements<'a>(xml: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = xml;
    std::iter::from_fn(move || {
        let begin = rest.find(&open)? + open.len();
        let end = begin + rest[begin..].find(&close)?;
        let found = &rest[begin..end];
        rest = &rest[end..];
        Some(found)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "Example: List objects" of the documentation named at the top of this file.
    #[test]
    fn a_request_is_signed_as_in_the_documentation() {
        let bucket = Bucket {
            host: "examplebucket.s3.amazonaws.com".into(),
            port: 80,
            tls: None,
            bucket: String::new(),
            prefix: String::new(),
            region: "us-east-1".into(),
            key_id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
        };
        let headers = bucket.headers("GET", "/", "max-keys=2&prefix=J", b"", &amz_date(1_369_353_600));
        assert!(headers.contains("x-amz-date: 20130524T000000Z"), "{headers}");
        let signature = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7";
        assert!(headers.contains(signature), "{headers}");
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(amz_date(0), "19700101T000000Z");
        assert_eq!(amz_date(951_782_400 + 3_661), "20000229T010101Z");
        assert_eq!(amz_date(1_798_761_599), "20261231T235959Z");
    }

    #[test]
    fn responses_are_read_in_both_forms_and_incomplete_ones_are_not() {
        let plain = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
        assert_eq!(parse_response(plain), Some((200, b"abc".to_vec())));
        assert_eq!(parse_response(&plain[..plain.len() - 1]), None);
        let chunked = b"HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n";
        assert_eq!(parse_response(chunked), Some((404, b"abc".to_vec())));
        assert_eq!(parse_response(&chunked[..chunked.len() - 6]), None);
    }

    #[test]
    fn names_are_read_from_a_list() {
        let xml = "<R><Contents><Key>a/1</Key></Contents><Contents><Key>a/2</Key></Contents></R>";
        assert_eq!(elements(xml, "Key").collect::<Vec<_>>(), ["a/1", "a/2"]);
    }
}
