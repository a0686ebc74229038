//! Python annotations of Rust types, and a writer of Python modules made of them.
//!
//! `cift/contracts/messages_gen.py` and `limits_gen.py` are written with this, from the macros that also encode and
//! decode the messages: a field that is added to a message is in the Python types without another edit.
use crate::names::Named;
use cift_engine as e;

/// A type whose values Python sees as `annotation()`.
pub trait Annotated {
    /// Whether a field of this type may be absent where Python passes the message to Rust.
    const OPTIONAL: bool = false;
    fn annotation() -> String;
}

impl<T: Annotated> Annotated for Option<T> {
    const OPTIONAL: bool = true;
    fn annotation() -> String {
        format!("{} | None", T::annotation())
    }
}

impl<T: Annotated> Annotated for Vec<T> {
    fn annotation() -> String {
        format!("list[{}]", T::annotation())
    }
}

/// A JSON array of fixed length. It is typed as a tuple, although a JSON decoder makes it a list.
impl<A: Annotated, B: Annotated, C: Annotated> Annotated for (A, B, C) {
    fn annotation() -> String {
        format!("tuple[{}, {}, {}]", A::annotation(), B::annotation(), C::annotation())
    }
}

macro_rules! annotated {
    ($($annotation:literal: $($type:ty),+;)+) => {$($(
        impl Annotated for $type {
            fn annotation() -> String {
                $annotation.into()
            }
        }
    )+)+};
}
annotated! {
    "int": i64, i128, u64, u32, i32, u16, usize;
    "bool": bool;
    "str": String, &str, e::AccountId, e::OrderId, e::TransferId, e::Symbol, e::Currency;
    "TimeInForce": e::TimeInForce;
    "Trail": e::Trail;
    "OrderClass": e::OrderClass;
    "Request": e::Request;
    "OutsideSide": e::OutsideSide;
    "TakeProfit": e::TakeProfit;
    "StopLoss": e::StopLoss;
    "Legs": e::Legs;
    "Limits": e::Limits;
    "FillSide": e::Fill;
    "OrderSummary": e::OrderSummary;
    "FirstResult": e::FirstResult;
}

macro_rules! named {
    ($($type:ident),+) => {
        $(
            impl Annotated for e::$type {
                fn annotation() -> String {
                    stringify!($type).into()
                }
            }
        )+
        /// The types of all named enums.
        pub const NAMES: &[&str] = &[$(stringify!($type)),+];
        /// Writes a `Literal` for every named enum.
        pub fn define_names(module: &mut Module) {
            $( module.literal::<e::$type>(); )+
        }
    };
}
named!(
    AccountKind,
    AccountRole,
    AccountState,
    Side,
    OrderKind,
    SelfTradePrevention,
    Refusal,
    OrderStatus,
    CloseReason,
    CashKind,
    PositionKind
);

/// One key of a `TypedDict`.
pub struct Field {
    pub name: &'static str,
    pub annotation: String,
    /// The key may be absent.
    pub optional: bool,
}

impl Field {
    /// A key that is always present.
    pub fn new(name: &'static str, annotation: impl Into<String>) -> Field {
        Field {
            name,
            annotation: annotation.into(),
            optional: false,
        }
    }
    /// `key: Literal["value"]`.
    pub fn literal(name: &'static str, value: &str) -> Field {
        Field::new(name, format!("Literal[\"{value}\"]"))
    }
    pub fn optional(mut self) -> Field {
        self.optional = true;
        self
    }

    fn python(&self) -> String {
        match self.optional {
            true => format!("ReadOnly[NotRequired[{}]]", self.annotation),
            false => format!("ReadOnly[{}]", self.annotation),
        }
    }
}

/// A key that has the type of a struct's field: `field_of("price", |trade: &Trade| &trade.price)`.
pub fn field_of<S, T: Annotated>(name: &'static str, _get: fn(&S) -> &T) -> Field {
    Field::new(name, T::annotation())
}

/// The same for a field of an enum's variant.
pub fn variant_field_of<S, T: Annotated>(name: &'static str, _get: fn(&S) -> Option<&T>) -> Field {
    Field::new(name, T::annotation())
}

/// As [`field_of`]; the key may be absent where the Rust field is an `Option`.
pub fn sent_field_of<S, T: Annotated>(name: &'static str, _get: fn(&S) -> &T) -> Field {
    Field {
        name,
        annotation: T::annotation(),
        optional: T::OPTIONAL,
    }
}

/// As [`variant_field_of`]; the key may be absent where the Rust field is an `Option`.
pub fn sent_variant_field_of<S, T: Annotated>(name: &'static str, _get: fn(&S) -> Option<&T>) -> Field {
    Field {
        name,
        annotation: T::annotation(),
        optional: T::OPTIONAL,
    }
}

const LINE_COLUMNS: usize = 110;

/// The text of a Python module.
pub struct Module(String);

impl Module {
    pub fn new(header: &str) -> Module {
        Module(header.into())
    }

    pub fn finish(self) -> String {
        self.0
    }

    /// A line of code, or several.
    pub fn code(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    /// `Side: TypeAlias = Literal["buy", "sell"]`.
    pub fn literal<T: Named>(&mut self) {
        let names: Vec<String> = T::ALL.iter().map(|value| format!("\"{}\"", value.name())).collect();
        self.bracketed(&format!("{}: TypeAlias = Literal", T::TYPE), &names);
    }

    /// `Name: TypeAlias = A | B`.
    pub fn union(&mut self, name: &str, members: &[&str]) {
        let line = format!("{name}: TypeAlias = {}", members.join(" | "));
        if line.len() <= LINE_COLUMNS {
            return self.code(&line);
        }
        self.code(&format!("{name}: TypeAlias = (\n    {}\n)", members.join("\n    | ")));
    }

    /// `before[a, b]`, over several lines where one is too short.
    fn bracketed(&mut self, before: &str, items: &[String]) {
        let line = format!("{before}[{}]", items.join(", "));
        if line.len() <= LINE_COLUMNS {
            return self.code(&line);
        }
        self.code(&format!("{before}[\n    {},\n]", items.join(",\n    ")));
    }

    /// A `TypedDict` with these keys and those of its bases.
    pub fn class(&mut self, name: &str, doc: &str, bases: &[&str], keys: &[Field]) {
        self.typed_dict("", name, doc, bases, keys);
    }

    /// The same, without subclasses: a type checker distinguishes it by its keys.
    pub fn final_class(&mut self, name: &str, doc: &str, bases: &[&str], keys: &[Field]) {
        self.typed_dict("@final\n", name, doc, bases, keys);
    }

    fn typed_dict(&mut self, decorator: &str, name: &str, doc: &str, bases: &[&str], keys: &[Field]) {
        // A keyword cannot be a key in the class form: it moves into a base in the functional form.
        let (keywords, keys): (Vec<&Field>, Vec<&Field>) =
            keys.iter().partition(|key| matches!(key.name, "class" | "from"));
        let mut bases: Vec<String> = bases.iter().map(|base| (*base).into()).collect();
        for key in keywords {
            let base = format!("_{name}_{}", key.name);
            let key = format!("{{\"{}\": {}}}", key.name, key.python());
            self.code(&format!("\n\n{base} = TypedDict(\"{base}\", {key})"));
            bases.push(base);
        }
        let bases = match bases.is_empty() {
            true => "TypedDict".into(),
            false => bases.join(", "),
        };
        self.code(&format!("\n\n{decorator}class {name}({bases}):"));
        self.docstring("    ", doc);
        if !keys.is_empty() {
            self.code("");
        }
        for key in keys {
            self.code(&format!("    {}: {}", key.name, key.python()));
        }
    }

    /// A docstring, with its words over as many lines as it needs.
    fn docstring(&mut self, indent: &str, doc: &str) {
        let mut line = format!("{indent}\"\"\"");
        let mut empty = true;
        for word in doc.split_whitespace() {
            // Space for the closing quotes.
            if !empty && line.len() + 1 + word.len() + 3 > LINE_COLUMNS {
                self.code(&line);
                line = indent.into();
                empty = true;
            }
            if !empty {
                line.push(' ');
            }
            line.push_str(word);
            empty = false;
        }
        self.code(&format!("{line}\"\"\""));
    }

    /// `NAME = 1_000`, with its meaning below it.
    pub fn constant(&mut self, name: &str, value: i128, doc: &str) {
        self.code(&format!("\n{name} = {}", grouped(value)));
        self.docstring("", doc);
    }
}

/// Digits in groups of three.
fn grouped(value: i128) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = String::from(if value < 0 { "-" } else { "" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push('_');
        }
        text.push(digit);
    }
    text
}
