//! What connections hold, and give back.

use super::*;

#[test]
fn what_all_connections_hold_stays_within_the_limit_and_is_given_back() {
    let memory = Memory::new(10 * STEP);
    let (one, other) = (memory.share(), memory.share());
    let (mut first, mut second) = (one.hold(), other.hold());
    first.grow(7 * STEP).unwrap();
    second.grow(3 * STEP).unwrap();
    assert_eq!((memory.taken(), second.grow(STEP)), (10 * STEP, Err(Full::Now)));
    second.grow(STEP - 1).expect("less than a step is nobody's business");
    first.set(STEP / 2).unwrap();
    second.grow(5 * STEP).unwrap();
    assert_eq!(second.grow(10 * STEP), Err(Full::Ever(10 * STEP)));
    assert_eq!(memory.refused(), 2);
    drop((first, second));
    assert_eq!((memory.taken(), one.waiting()), (0, 0));
}

#[test]
fn holds_of_any_sizes_add_up_to_nothing_once_they_are_gone() {
    let memory = Memory::new(usize::MAX);
    std::thread::scope(|scope| {
        let share = memory.share();
        for thread in 1..5 {
            let share = share.clone();
            scope.spawn(move || {
                let mut holds = Vec::new();
                for turn in 0..1000 {
                    let mut hold = share.hold();
                    hold.grow(turn * thread * 37).unwrap();
                    hold.set(turn * 1001).unwrap();
                    holds.push(hold);
                    if turn % 3 == 0 {
                        holds.clear();
                    }
                }
            });
        }
    });
    assert_eq!(memory.taken(), 0);
}

#[test]
fn holds_that_found_no_room_while_others_were_given_back_add_up_to_nothing_too() {
    let memory = Memory::new(STEP);
    let share = memory.share();
    std::thread::scope(|scope| {
        for thread in 1..5 {
            let share = share.clone();
            scope.spawn(move || {
                for turn in 0..1_000_000 {
                    let mut hold = share.hold();
                    let _ = hold.grow((turn * thread * 37) % STEP);
                }
            });
        }
    });
    assert_eq!(memory.taken(), 0);
}

#[test]
fn an_answer_counts_until_it_is_read_and_one_over_http_1_until_all_is_written() {
    let memory = Memory::new(4 * UNREAD);
    let share = memory.share();
    let answer = share.answer(Bytes::from(vec![0; UNREAD + 1])).unwrap();
    assert!(share.waiting() == UNREAD + 1 && share.is_behind());
    drop((answer.slice(..10), answer));
    assert!(share.waiting() == 0 && !share.is_behind());
    share.lone_answer(STEP - 1).unwrap();
    share.lone_answer(2 * STEP).unwrap();
    assert_eq!((memory.taken(), share.waiting()), (2 * STEP, 2 * STEP));
    share.written();
    assert_eq!(memory.taken(), 0);
    share.lone_answer(2 * STEP).unwrap();
    drop(share);
    assert_eq!(memory.taken(), 0, "the connection is gone");
}

#[tokio::test]
async fn who_waits_for_a_peer_goes_on_when_it_has_read() {
    let memory = Memory::new(usize::MAX);
    let share = memory.share();
    let answers = [0; 3].map(|_| share.answer(Bytes::from(vec![0; UNREAD])).unwrap());
    let waiting = tokio::spawn({
        let share = share.clone();
        async move { share.caught_up().await }
    });
    for (left, answer) in answers.into_iter().enumerate().rev() {
        tokio::task::yield_now().await;
        assert_eq!(waiting.is_finished(), left == 0);
        drop(answer);
    }
    waiting.await.unwrap().unwrap();
    assert_eq!(memory.taken(), 0);
}

#[test]
fn what_a_connection_takes_in_without_reading_counts_once() {
    const WINDOW: usize = CONNECTION_WINDOW as usize;
    let memory = Memory::new(WINDOW + STEP);
    let (one, other) = (memory.share(), memory.share());
    let standing = [one.stand_still().unwrap(), one.stand_still().unwrap()];
    assert_eq!((memory.taken(), other.stand_still().unwrap_err()), (WINDOW, Full::Now));
    drop(standing);
    assert_eq!(memory.taken(), 0);
    drop(other.stand_still().unwrap());
    assert_eq!(memory.taken(), 0);
}
