//! The protocol of Redis, as far as tests have to understand it.

use memchr::memmem;

/// Where the first reply ends, if all of it is there (Redis serialization protocol, versions 2 and 3).
pub(crate) fn end_of_reply(bytes: &[u8]) -> Option<usize> {
    let line = memmem::find(bytes, b"\r\n")?;
    let head = line + 2;
    let number = || std::str::from_utf8(&bytes[1..line]).ok()?.parse::<usize>().ok();
    match bytes[0] {
        // No number is a text or a list that is not there.
        b'$' | b'=' | b'!' => {
            let end = head + number().map_or(0, |length| length + 2);
            (bytes.len() >= end).then_some(end)
        }
        kind @ (b'*' | b'~' | b'>' | b'%') => {
            let parts = number().unwrap_or(0) * if kind == b'%' { 2 } else { 1 };
            (0..parts).try_fold(head, |end, _| Some(end + end_of_reply(bytes.get(end..)?)?))
        }
        _ => Some(head),
    }
}

mod tests {
    use super::*;

    #[test]
    fn replies_are_told_apart_wherever_they_are_cut() {
        let replies: [&[u8]; 8] = [
            b"+OK\r\n",
            b":12\r\n",
            b"$-1\r\n",
            b"$5\r\na\r\nbc\r\n",
            b"*-1\r\n",
            b"*2\r\n*1\r\n$0\r\n\r\n:1\r\n",
            b"%1\r\n+a\r\n*0\r\n",
            b">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\n\r\n\r\n",
        ];
        for reply in replies {
            for cut in 0..reply.len() {
                assert_eq!(end_of_reply(&reply[..cut]), None, "{cut} bytes of {reply:?}");
            }
            assert_eq!(end_of_reply(&[reply, b"+more\r\n"].concat()), Some(reply.len()));
        }
    }
}
