//! The machine that the command runs on.

use nix::sys::resource::{Resource, getrlimit};

use super::report::Finding;

const NAME: &str = "open files";
/// Each follower and each request under way takes a file descriptor.
const ENOUGH: u64 = 65_536;

/// How many connections a server that is started here can hold.
pub(super) fn open_files() -> Finding {
    match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((soft, _)) if soft >= ENOUGH => Finding::well(NAME, format!("{soft} at a time on this machine")),
        Ok((soft, hard)) => {
            let text =
                format!("{soft} at a time on this machine, and every follower of a server here takes one");
            let wish = hard.min(ENOUGH);
            let unit = format!("LimitNOFILE={ENOUGH} in its systemd unit");
            let advice = if wish > soft {
                format!("to serve more, start the server after `ulimit -n {wish}`, or with {unit}")
            } else {
                format!("to serve more, start the server with {unit}")
            };
            Finding::note(NAME, text).advice(advice)
        }
        Err(error) => Finding::note(NAME, format!("the limit is not known: {error}")),
    }
}
