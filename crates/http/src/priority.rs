//! Threads that work beside those on whom somebody waits.

/// By how much the priority of such threads is lower: they get about a tenth of a processor that others want too.
#[cfg(target_os = "linux")]
const LOWER: i32 = 10;

/// Lets other threads go first from now on: this one, and those that it starts, work when a processor is free. Where the
/// system knows no priority of single threads, nothing happens.
pub fn let_others_go_first() {
    // A system that refuses it leaves the thread as it is. On others than Linux it would count for the whole process.
    #[cfg(target_os = "linux")]
    let _refused = rustix::process::nice(LOWER);
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_lets_others_go_first_and_the_others_stay_as_they_are() {
        let priority = || rustix::process::getpriority_process(None).unwrap();
        let before = priority();
        let within = std::thread::spawn(move || {
            let_others_go_first();
            let started = std::thread::spawn(priority).join().unwrap();
            (priority(), started)
        });
        let lower = (before + LOWER).min(19);
        assert_eq!(within.join().unwrap(), (lower, lower));
        assert_eq!(priority(), before);
    }
}
