//! Server messages to lines of a transcript. Written from the protocol's definition, with no code
//! of the server's.

use std::collections::BTreeMap;

use super::client::Message;

/// One message as a line. `names` are connections by their process id.
pub(super) fn message(message: &Message, names: &BTreeMap<i32, String>) -> String {
    let (kind, body) = match message {
        Message::Closed => return "Closed".to_owned(),
        Message::Byte(byte) => return format!("Byte {}", char::from(*byte)),
        Message::Typed(kind, body) => (*kind, body.as_slice()),
    };
    let mut body = Reader(body);
    match kind {
        b'T' => {
            let columns: Vec<_> = (0..body.u16()).map(|_| column(&mut body)).collect();
            format!("RowDescription {}", columns.join(" "))
        }
        b'D' => {
            let cells: Vec<_> = (0..body.u16()).map(|_| cell(&mut body)).collect();
            format!("DataRow {}", cells.join(" ")).trim_end().to_owned()
        }
        b'V' => format!("FunctionCallResponse {}", cell(&mut body)),
        b'C' => format!("CommandComplete {}", body.text()),
        b'Z' => format!("ReadyForQuery {}", char::from(body.u8())),
        b'E' => format!("ErrorResponse {}", fields(&mut body)),
        b'N' => format!("NoticeResponse {}", fields(&mut body)),
        b'S' => format!("ParameterStatus {} {}", body.text(), body.text()),
        b'K' => {
            let _id = body.i32();
            format!("BackendKeyData {}", body.0.len())
        }
        b'A' => {
            let id = body.i32();
            let from = names.get(&id).map_or("?", String::as_str);
            format!(
                "NotificationResponse {from} {} {}",
                body.text(),
                body.text()
            )
        }
        b't' => {
            let types: Vec<_> = (0..body.u16()).map(|_| body.i32().to_string()).collect();
            format!("ParameterDescription {}", types.join(" "))
                .trim_end()
                .to_owned()
        }
        b'G' | b'H' => {
            let word = if kind == b'G' {
                "CopyInResponse"
            } else {
                "CopyOutResponse"
            };
            let overall = body.u8();
            let formats: Vec<_> = (0..body.u16()).map(|_| body.u16().to_string()).collect();
            format!("{word} {overall} {}", formats.join(" "))
        }
        b'd' => format!("CopyData {}", bytes(body.0)),
        b'v' => {
            let version = body.i32();
            let options: Vec<_> = (0..body.i32()).map(|_| body.text()).collect();
            format!(
                "NegotiateProtocolVersion {}.{} {}",
                version >> 16,
                version & 0xffff,
                options.join(" ")
            )
            .trim_end()
            .to_owned()
        }
        b'R' => match body.i32() {
            0 => "AuthenticationOk".to_owned(),
            3 => "AuthenticationCleartextPassword".to_owned(),
            10 => {
                let mut line = "AuthenticationSASL".to_owned();
                while body.0.len() > 1 {
                    line = format!("{line} {}", body.text());
                }
                line
            }
            // Random bytes.
            11 => "AuthenticationSASLContinue".to_owned(),
            12 => "AuthenticationSASLFinal".to_owned(),
            code => format!("Authentication {code}"),
        },
        b'1' => "ParseComplete".to_owned(),
        b'2' => "BindComplete".to_owned(),
        b'3' => "CloseComplete".to_owned(),
        b'I' => "EmptyQueryResponse".to_owned(),
        b'c' => "CopyDone".to_owned(),
        b'n' => "NoData".to_owned(),
        b's' => "PortalSuspended".to_owned(),
        kind => format!("Message {} {}", char::from(kind), bytes(body.0)),
    }
}

/// `name:type:length:modifier:format:attnum`, the last `-` if the column is of no table.
fn column(body: &mut Reader<'_>) -> String {
    let name = body.text();
    let name = name.trim_matches('"').replace(' ', "\\_");
    let (table, attnum) = (body.i32(), body.u16());
    let oid = body.i32();
    let (length, modifier, format) = (body.u16() as i16, body.i32(), body.u16());
    let attnum = if table == 0 {
        "-".to_owned()
    } else {
        attnum.to_string()
    };
    format!("{name}:{oid}:{length}:{modifier}:{format}:{attnum}")
}

fn cell(body: &mut Reader<'_>) -> String {
    match usize::try_from(body.i32()) {
        Err(_) => "null".to_owned(),
        Ok(length) => bytes(body.take(length)),
    }
}

/// Readable bytes in quotes, others in hexadecimal.
fn bytes(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text)
            if !text.contains('\0') && !text.chars().any(|c| ('\u{1}'..'\u{8}').contains(&c)) =>
        {
            serde_json::Value::from(text).to_string()
        }
        _ => bytes
            .iter()
            .fold("x".to_owned(), |hex, byte| format!("{hex}{byte:02x}")),
    }
}

/// Severity, code, message; then the optional fields, without source file, line and routine.
fn fields(body: &mut Reader<'_>) -> String {
    let mut fields = BTreeMap::new();
    loop {
        match body.u8() {
            0 => break,
            kind => fields.insert(kind, body.text()),
        };
    }
    let plain = |kind| {
        fields
            .get(&kind)
            .map_or("?", |text: &String| text.trim_matches('"'))
    };
    let mut line = format!(
        "{} {} {}",
        plain(b'S'),
        plain(b'C'),
        fields.get(&b'M').map_or("?", String::as_str)
    );
    for kind in *b"DHPWstcn" {
        if let Some(text) = fields.get(&kind) {
            line = format!("{line} {}={text}", char::from(kind));
        }
    }
    line
}

/// The rest of a message.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn u8(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.take(2).try_into().unwrap_or_default())
    }

    fn i32(&mut self) -> i32 {
        i32::from_be_bytes(self.take(4).try_into().unwrap_or_default())
    }

    /// Up to the NUL, as a JSON string.
    fn text(&mut self) -> String {
        let length = self
            .0
            .iter()
            .position(|byte| *byte == 0)
            .unwrap_or(self.0.len());
        let text = String::from_utf8_lossy(self.take(length)).into_owned();
        self.take(1);
        serde_json::Value::from(text).to_string()
    }
}
