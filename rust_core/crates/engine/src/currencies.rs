//! The smallest unit of a currency, in which its fees are charged (R1.12).

use crate::types::{Currency, Money};

/// Codes of ISO 4217 (list one) without a minor unit, with a thousandth, and with a hundredth.
const WHOLE: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF";
const THOUSANDTH: &str = "BHD IQD JOD KWD LYD OMR TND";
const HUNDREDTH: &str = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD \
    CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR \
    ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN \
    NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC \
    SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST YER ZAR ZMW ZWG";

impl Currency {
    /// In nanos. A code that is not in ISO 4217 is divided to 1e-8, as Bitcoin is.
    pub fn smallest_unit(&self) -> Money {
        let length = self.0.iter().position(|&byte| byte == 0).unwrap_or(self.0.len());
        let listed = |codes: &str| {
            codes
                .split_ascii_whitespace()
                .any(|code| code.as_bytes() == &self.0[..length])
        };
        if listed(HUNDREDTH) {
            10_000_000
        } else if listed(WHOLE) {
            1_000_000_000
        } else if listed(THOUSANDTH) {
            1_000_000
        } else {
            10
        }
    }
}
