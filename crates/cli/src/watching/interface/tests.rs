use serde_json::json;

use super::{Interface, Key, Wish};
use crate::watching::model::{Model, Page, Total};
use crate::watching::subject::Subject;

/// Trials of which every other one failed; they ended one after the other.
fn model(trials: usize) -> Model {
    let trial = |index: usize| {
        let status = if index.is_multiple_of(2) { "success" } else { "failed" };
        serde_json::from_value(json!({
            "id": format!("a-{index}"), "task_id": "a", "experiment_id": "e", "agent": "codex", "model": null, "queue_key": "k",
            "status": status, "started_at": "2026-10-20T10:00:00Z", "finished_at": format!("2026-10-20T10:{:02}:00Z", 59 - index)
        }))
    };
    let trials: Vec<_> = (0..trials).map(|index| trial(index).unwrap()).collect();
    let mut model = Model::new(Subject::Experiment("e".into()));
    model.apply(&Page { total: Total::Counted(trials.len()), trials, from_the_start: true, complete: true });
    model
}

fn chosen(interface: &Interface, model: &Model) -> Option<usize> {
    interface.place(&model.listed(interface.only_failed))
}

fn press(interface: &mut Interface, model: &Model, keys: &[Key]) -> Wish {
    keys.iter().map(|key| interface.press(*key, model)).last().unwrap()
}

#[test]
fn keys_move_the_choice_within_the_list() {
    let (model, mut interface) = (model(30), Interface::default());
    assert_eq!(chosen(&interface, &model), None);
    for (key, expected) in [
        (Key::Down, 0),
        (Key::Down, 1),
        (Key::PageDown, 11),
        (Key::Up, 10),
        (Key::PageUp, 0),
        (Key::Up, 0),
        (Key::Last, 29),
        (Key::Down, 29),
        (Key::First, 0),
    ] {
        assert_eq!(press(&mut interface, &model, &[key]), Wish::Nothing);
        assert_eq!(chosen(&interface, &model), Some(expected), "{key:?}");
    }
    press(&mut interface, &model, &[Key::Back]);
    assert_eq!(chosen(&interface, &model), None);
}

#[test]
fn the_choice_follows_its_trial_and_stays_in_place_where_that_is_gone() {
    let (before, mut interface) = (model(30), Interface::default());
    press(&mut interface, &before, &[Key::Down, Key::PageDown, Key::PageDown]);
    let listed = before.listed(false);
    assert_eq!(interface.place(&listed), Some(20));
    assert_eq!(interface.place(&listed[5..]), Some(15));
    assert_eq!(interface.place(&listed[..20]), Some(19));
    assert_eq!(interface.place(&[]), None);
}

#[test]
fn failed_trials_are_filtered_and_shown_with_the_rest_again() {
    let (model, mut interface) = (model(9), Interface::default());
    press(&mut interface, &model, &[Key::Failed, Key::Last]);
    assert_eq!((interface.only_failed, chosen(&interface, &model)), (true, Some(3)));
    press(&mut interface, &model, &[Key::Back]);
    assert_eq!((interface.only_failed, chosen(&interface, &model)), (false, None));
}

#[test]
fn a_log_is_opened_scrolled_and_closed() {
    let (model, mut interface) = (model(9), Interface::default());
    assert_eq!(press(&mut interface, &model, &[Key::Down, Key::Down, Key::Open]), Wish::Log);
    let open = interface.log.as_ref().unwrap();
    assert_eq!((open.trial_id.as_str(), &open.lines, open.complete), ("a-1", &None, false));

    interface.show_log("a-7", Ok(("of another", true)));
    assert_eq!(interface.log.as_ref().unwrap().lines, None);
    interface.show_log("a-1", Err("no answer".into()));
    interface.show_log("a-1", Ok(("one\n\u{1b}[2J\ttwo\n", true)));
    let open = interface.log.as_ref().unwrap();
    assert_eq!(open.lines.as_deref().unwrap(), ["one", "    two"]);
    assert!(open.complete && open.fault.is_none());

    press(&mut interface, &model, &[Key::PageUp, Key::Up, Key::Down]);
    assert_eq!(interface.log.as_ref().unwrap().below(usize::MAX), 10);
    press(&mut interface, &model, &[Key::First]);
    assert_eq!(interface.log.as_ref().unwrap().below(3), 3);
    press(&mut interface, &model, &[Key::Down]);
    assert_eq!(interface.log.as_ref().unwrap().below(3), 2);
    press(&mut interface, &model, &[Key::Back]);
    assert!(interface.log.is_none());
    assert_eq!(chosen(&interface, &model), Some(1), "the choice is still there");
}

#[test]
fn the_first_trial_is_opened_where_none_is_chosen_and_none_where_there_are_none() {
    let mut interface = Interface::default();
    assert_eq!(interface.press(Key::Open, &model(0)), Wish::Nothing);
    assert_eq!(interface.press(Key::Open, &model(2)), Wish::Log);
    assert_eq!(interface.log.as_ref().unwrap().trial_id, "a-0");
}

#[test]
fn any_key_closes_the_keys_and_leaving_works_everywhere() {
    let (model, mut interface) = (model(3), Interface::default());
    press(&mut interface, &model, &[Key::Keys]);
    assert!(interface.shows_keys);
    press(&mut interface, &model, &[Key::Down]);
    assert_eq!((interface.shows_keys, chosen(&interface, &model)), (false, None));
    for keys in [&[Key::Leave][..], &[Key::Keys, Key::Leave], &[Key::Open, Key::Leave]] {
        assert_eq!(press(&mut Interface::default(), &model, keys), Wish::Leave, "{keys:?}");
    }
}
