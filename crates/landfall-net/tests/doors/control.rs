//! Control over the network.

use crate::grpc_client::{Grpc, field, runtime};
use crate::house::House;
use crate::http_client::{ask, get, tfs};

const LOAD: &str = "/v2/repository/models/half/load";
const UNLOAD: &str = "/v2/repository/models/half/unload";

fn version(house: &House, path: &str) -> String {
    let told = get(house.http, path).dense();
    told.split_once("\"default\":\"").unwrap().1.chars().take_while(|letter| *letter != '"').collect()
}

#[test]
fn models_are_listed_promoted_and_rolled_back_and_who_did_it_is_kept() {
    let house = House::open();
    let list = get(house.http, "/control/models");
    assert_eq!(list.status, 200);
    for part in [r#""name":"half""#, r#""first":"1""#, r#""state":"AVAILABLE""#, r#""name":"slow""#] {
        assert!(list.dense().contains(part), "{}", list.text());
    }
    let post = |path: &str, body: &str| ask(house.http, "POST", path, "", body);
    let promoted = post("/control/models/half/promote", r#"{"version": 1}"#);
    assert_eq!(promoted.status, 200, "{}", promoted.text());
    assert!(promoted.dense().contains(r#""default":"1","promoted":"1""#), "{}", promoted.text());
    assert_eq!(post("/control/models/half/promote", r#"{"version": "2", "label": "canary"}"#).status, 200);
    assert_eq!(ask(house.http, "POST", "/v1/models/half/labels/canary:predict", "", tfs(&[1.0])).status, 200);
    let back = post("/control/models/half/rollback", "").dense();
    assert!(back.contains(r#""rolled_back":{"label":"canary","from":"2","to":null}"#), "{back}");
    assert_eq!(version(&house, "/control/models"), "1", "the label's promotion was the last one");
    let back = post("/control/models/half/rollback", "{}").dense();
    assert!(back.contains(r#""rolled_back":{"label":null,"from":"1","to":null}"#), "{back}");
    assert_eq!(version(&house, "/control/models"), "2");
    let history = get(house.http, "/control/history").dense();
    for part in [
        r#""what":"promote","version":"2","label":"canary""#,
        r#""what":"rollback","from":"1""#,
        r#""who":"127.0.0.1:"#,
    ] {
        assert!(history.contains(part), "{history}");
    }
    for (path, body, status) in [
        ("/control/models/half/promote", "", 400),
        ("/control/models/half/promote", r#"{"version": 1, "lable": "x"}"#, 400),
        ("/control/models/half/promote", r#"{"version": 1, "label": ""}"#, 400),
        ("/control/models/half/promote", r#"{"version": 99}"#, 404),
        ("/control/models/nope/promote", r#"{"version": 1}"#, 404),
        ("/control/models/half/promote", r#"{"version": true}"#, 400),
        ("/control/models/nope/rollback", "", 404),
        ("/control/models/half/rollback", r#"{"version": 1}"#, 400),
        ("/control/nothing", "", 404),
        ("/control/models", "", 405),
    ] {
        let answer = post(path, body);
        assert_eq!(answer.status, status, "{path} {body}: {}", answer.text());
        assert!(answer.text().contains("\"error\""), "{path} {body}: {}", answer.text());
        assert_eq!(answer.header("allow"), (status == 405).then_some("GET"), "{path}");
    }
}

#[test]
fn a_web_page_changes_nothing() {
    let house = House::open();
    let origin = "Origin: http://pages.example\r\nContent-Type: text/plain\r\n";
    for path in [UNLOAD, LOAD, "/control/models/half/promote", "/control/models/half/rollback"] {
        let answer = ask(house.http, "POST", path, origin, "{}");
        assert_eq!(answer.status, 403, "{path}: {}", answer.text());
        assert!(answer.text().contains("Origin"), "{path}: {}", answer.text());
    }
    assert_eq!(ask(house.http, "POST", "/v1/models/half:predict", origin, tfs(&[1.0])).status, 200);
    assert_eq!(get(house.http, "/control/history").dense(), r#"{"history":[]}"#);
}

#[test]
fn a_model_is_unloaded_and_loaded_by_either_transport() {
    let house = House::open();
    house.put("half/3");
    assert_eq!(ask(house.http, "POST", LOAD, "", "{}").status, 200);
    assert_eq!(version(&house, "/control/models"), "3");
    assert_eq!(ask(house.http, "POST", UNLOAD, "", "").status, 200);
    assert_eq!(ask(house.http, "POST", "/v1/models/half:predict", "", tfs(&[1.0])).status, 404);
    assert_eq!(get(house.http, "/v2/models/half/ready").status, 400);
    assert_eq!(ask(house.http, "POST", "/v2/repository/models/nope/unload", "", "").status, 200);
    assert_eq!(ask(house.http, "POST", "/v2/repository/models/nope/load", "", "").status, 404);
    assert_eq!(ask(house.http, "POST", LOAD, "", r#"{"parameters":{"config":"{}"}}"#).status, 400);
    assert_eq!(ask(house.http, "POST", LOAD, "", "hello").status, 400);
    runtime().block_on(async {
        let mut client = Grpc::to(house.grpc).await;
        let service = "/inference.GRPCInferenceService/RepositoryModel";
        client.unary(&format!("{service}Load"), &field(2, b"half")).await.only();
        assert_eq!(ask(house.http, "POST", "/v1/models/half:predict", "", tfs(&[1.0])).status, 200);
        client.unary(&format!("{service}Unload"), &field(2, b"half")).await.only();
        assert_eq!(ask(house.http, "POST", "/v1/models/half:predict", "", tfs(&[1.0])).status, 404);
        assert_eq!(client.unary(&format!("{service}Load"), &field(2, b"nope")).await.status(), 5);
    });
}

#[test]
fn control_that_is_switched_off_refuses_by_the_flags_name_and_reading_stays() {
    let house = House::with(|settings| settings.control = Some(false));
    for (path, body) in [
        (LOAD, ""),
        (UNLOAD, ""),
        ("/control/models/half/promote", r#"{"version": 1}"#),
        ("/control/models/half/rollback", ""),
    ] {
        let answer = ask(house.http, "POST", path, "", body);
        assert_eq!(answer.status, 403, "{path}: {}", answer.text());
        assert!(answer.text().contains("--control"), "{path}: {}", answer.text());
    }
    for path in ["/control/models", "/control/history", "/v2/models/half"] {
        assert_eq!(get(house.http, path).status, 200, "{path}");
    }
    assert_eq!(ask(house.http, "POST", "/v2/repository/index", "", "").status, 200);
    runtime().block_on(async {
        let mut client = Grpc::to(house.grpc).await;
        let path = "/inference.GRPCInferenceService/RepositoryModelLoad";
        let ended = client.unary(path, &field(2, b"half")).await;
        assert_eq!(ended.status(), 7);
        assert!(ended.message().contains("--control"), "{ended:?}");
    });
}
