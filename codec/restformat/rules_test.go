package restformat_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/protomicro/micro/codec/restformat"
)

// A rule is an annotation, and what becomes of requests.
type rule struct {
	rpc   string // "Request) returns (Response" if empty
	http  string // the annotation
	cases []ruleCase
}

// A ruleCase is a request, "PATCH /v1/x" and its body, and what the handler gets in JSON, or the start of the answer as
// "400 text".
type ruleCase struct{ request, body, want string }

// The examples of the documentation of google.api.HttpRule, in its order.
var documented = []rule{
	{http: `get: "/v1/{name=messages/*}"`, cases: []ruleCase{
		{"GET /v1/messages/123456", "", `{"name":"messages/123456"}`},
		{"GET /v1/messages/123456/7", "", "404 "},
		{"GET /v1/other/123456", "", "404 "},
	}},
	{http: `get: "/v1/messages/{message_id}"`, cases: []ruleCase{
		{"GET /v1/messages/123456?revision=2&sub.subfield=foo", "", `{"messageId":"123456","revision":"2","sub":{"subfield":"foo"}}`},
		{"GET /v1/messages/123456", "", `{"messageId":"123456"}`},
		{"GET /v1/messages/123456?tags=A&tags=B", "", `{"messageId":"123456","tags":["A","B"]}`},
		{"GET /v1/messages/1?sub.subfield=A&sub.count=2&sub.tags=B&sub.tags=C", "", `{"messageId":"1","sub":{"subfield":"A","count":2,"tags":["B","C"]}}`},
	}},
	{http: `patch: "/v1/messages/{message_id}" body: "message"`, cases: []ruleCase{
		{"PATCH /v1/messages/123456", `{ "text": "Hi!" }`, `{"messageId":"123456","message":{"text":"Hi!"}}`},
		{"PATCH /v1/messages/123456?revision=3", `{ "text": "Hi!" }`, `{"messageId":"123456","revision":"3","message":{"text":"Hi!"}}`},
		{"PATCH /v1/messages/123456?message.text=no", `{ "text": "Hi!" }`, `400 query parameter "message.text": the field belongs in the body`},
	}},
	{rpc: "Message) returns (Message", http: `patch: "/v1/messages/{message_id}" body: "*"`, cases: []ruleCase{
		{"PATCH /v1/messages/123456", `{ "text": "Hi!" }`, `{"messageId":"123456","text":"Hi!"}`},
		{"PATCH /v1/messages/123456", `{ "text": "Hi!", "messageId": "7" }`, `{"messageId":"123456","text":"Hi!"}`},
		{"PATCH /v1/messages/123456?text=no", `{}`, `400 query parameter "text": the field belongs in the body`},
		{"PATCH /v1/messages/123456?message_id=7&key=7", `{}`, `{"messageId":"123456"}`},
	}},
	{
		http: `get: "/v1/messages/{message_id}" additional_bindings { get: "/v1/users/{user_id}/messages/{message_id}" }`,
		cases: []ruleCase{
			{"GET /v1/messages/123456", "", `{"messageId":"123456"}`},
			{"GET /v1/users/me/messages/123456", "", `{"messageId":"123456","userId":"me"}`},
		},
	},
	// Without a body, all fields are in path and query; "**" may be empty; variables of one and of more segments.
	{http: `post: "/v1/{name=**}"`, cases: []ruleCase{
		{"POST /v1/a?id=1", "", `{"name":"a","id":"1"}`},
		{"POST /v1/a", "{}", "400 POST /v1/{name=**} takes no body"},
		{"POST /v1/a/b/c", "", `{"name":"a/b/c"}`},
		{"POST /v1/", "", `{}`},
		{"POST /v1", "", `{}`},
		{"POST /v1/a%2Fb/c%2f%20d", "", `{"name":"a%2Fb/c%2f d"}`},
		{"POST /v1/a%252Fb", "", `{"name":"a%2Fb"}`},
	}},
	{http: `get: "/v1/{name}/{id=*}"`, cases: []ruleCase{
		{"GET /v1/a%2Fb/%7Bx%7D%20%3f", "", `{"name":"a/b","id":"{x} ?"}`},
		{"GET /v1/%C3%A4/%25", "", `{"name":"ä","id":"%"}`},
		{"GET /v1/%252e/%252F", "", `{"name":"%2e","id":"%2F"}`},
	}},
	{http: `get: "/v1/messages/{message_id}/{sub.subfield}"`, cases: []ruleCase{
		{"GET /v1/messages/1/foo", "", `{"messageId":"1","sub":{"subfield":"foo"}}`},
		{"GET /v1/messages/1/foo?sub.count=2", "", `{"messageId":"1","sub":{"subfield":"foo","count":2}}`},
		{"GET /v1/messages/1/foo?sub.subfield=bar&messageId=2", "", `{"messageId":"1","sub":{"subfield":"foo"}}`},
	}},
	// Arrays as bodies.
	{http: `put: "/v1/tags" body: "tags"`, cases: []ruleCase{
		{"PUT /v1/tags?id=1", `["a", "b"]`, `{"tags":["a","b"],"id":"1"}`},
		{"PUT /v1/tags", `[]`, `{}`},
		{"PUT /v1/tags", `["a"],"id":"2"`, "400 the body is not JSON"},
		{"PUT /v1/tags", `{"a":"b"}`, "400 "},
	}},
}

var further = []rule{
	{http: `get: "/v1/{parent=a/*}/b/{id}"`, cases: []ruleCase{
		{"GET /v1/a/x/b/y", "", `{"parent":"a/x","id":"y"}`},
		{"GET /v1/a/x%2Fz/b/y%2Fz", "", `{"parent":"a/x%2Fz","id":"y/z"}`},
		{"GET /v1/%61/x/b/y", "", `{"parent":"a/x","id":"y"}`},
		{"GET /v1/a/x/c/y", "", "404 "},
	}},
	{http: `post: "/v1/{name=operations/*}:cancel" body: "*"`, cases: []ruleCase{
		{"POST /v1/operations/1:cancel", `{}`, `{"name":"operations/1"}`},
		{"POST /v1/operations/1:2:cancel", ``, `{"name":"operations/1:2"}`},
		{"POST /v1/operations/1%3Acancel", `{}`, "404 "},
		{"POST /v1/operations/1:%63ancel", `{}`, `{"name":"operations/1"}`},
		{"POST /v1/operations/1", `{}`, "404 "},
		{"POST /v1/operations/:cancel", `{}`, "404 "},
		{"GET /v1/operations/1:cancel", ``, "405 POST"},
	}},
	{http: `post: "/v1/things:batchGet" body: "*" additional_bindings { get: "/v1/{name=**}:all" }`, cases: []ruleCase{
		{"POST /v1/things:batchGet", `{"tags":["a"]}`, `{"tags":["a"]}`},
		{"GET /v1/a/b:all", "", `{"name":"a/b"}`},
		{"GET /v1:all", "", `{}`},
		{"GET /v1/:all", "", `{}`},
	}},
	{http: `custom { kind: "LIST" path: "/v1/things" } additional_bindings { custom { kind: "*" path: "/v1/any/{id}" } }`, cases: []ruleCase{
		{"LIST /v1/things", "", `{}`},
		{"GET /v1/things", "", "405 LIST"},
		{"GET /v1/any/x", "", `{"id":"x"}`},
		{"PROPFIND /v1/any/x", "", `{"id":"x"}`},
	}},
	{http: `custom { kind: "HEAD" path: "/v1/things" } additional_bindings { get: "/v1/things/{id}" }`, cases: []ruleCase{
		{"HEAD /v1/things", "", `{}`},
		{"GET /v1/things", "", "405 HEAD"},
		{"HEAD /v1/things/1", "", `{"id":"1"}`},
		{"PUT /v1/things/1", "", "405 GET, HEAD"},
	}},
	{http: `delete: "/v1/things/{revision}"`, cases: []ruleCase{
		{"DELETE /v1/things/12", "", `{"revision":"12"}`},
		{"DELETE /v1/things/twelve", "", `400 path variable "revision": "twelve" is not a value of int64`},
		{"DELETE /v1/things/9223372036854775808", "", "400 "},
	}},
	{http: `get: "/v1/{color}/{flag}/{data}/{at}/{big}/{maybe}/{left}"`, cases: []ruleCase{
		{
			"GET /v1/RED/true/_-8/2026-01-02T03:04:05Z/7/m/l?right=the+path+wins", "",
			`{"flag":true,"data":"/+8=","color":"RED","at":"2026-01-02T03:04:05Z","big":"7","left":"l","maybe":"m"}`,
		},
	}},
	{http: `patch: "/v1/{message.message_id=messages/*}" body: "message"`, cases: []ruleCase{
		{"PATCH /v1/messages/1?mask=text,sub.subfield", `{"text":"t"}`, `{"message":{"messageId":"messages/1","text":"t"},"mask":"text,sub.subfield"}`},
		{"PATCH /v1/messages/1", `{"messageId":"2"}`, `{"message":{"messageId":"messages/1"}}`},
		{"PATCH /v1/messages/1", ``, `{"message":{"messageId":"messages/1"}}`},
		{"PATCH /v1/messages/1", `null`, `400 `},
		{"PATCH /v1/messages/1", `{"text":1}`, `400 `},
		{"PATCH /v1/messages/1", `{"unknown":1}`, `{"message":{"messageId":"messages/1"}}`},
	}},
	{http: `put: "/v1/text" body: "name"`, cases: []ruleCase{
		{"PUT /v1/text", `"x \"y\""`, `{"name":"x \"y\""}`},
		{"PUT /v1/text", `1`, `400 `},
		{"PUT /v1/text", `null`, `{}`},
	}},
	{http: `put: "/v1/labels" body: "labels"`, cases: []ruleCase{
		{"PUT /v1/labels?revision=1", `{"a":"b"}`, `{"revision":"1","labels":{"a":"b"}}`},
		{"PUT /v1/labels", `{"a":"b"},"name":"x"`, `400 the body is not JSON`},
	}},
	{http: `put: "/v1/messages" body: "messages"`, cases: []ruleCase{
		{"PUT /v1/messages", `[{"text":"a"},{}]`, `{"messages":[{"text":"a"},{}]}`},
	}},
	{http: `put: "/v1/at" body: "at"`, cases: []ruleCase{
		{"PUT /v1/at", `"2026-01-02T03:04:05Z"`, `{"at":"2026-01-02T03:04:05Z"}`},
	}},
	{rpc: "google.protobuf.Empty) returns (google.protobuf.Empty", http: `get: "/healthz"`, cases: []ruleCase{
		{"GET /healthz", "", `{}`},
		{"GET /healthz?x=1", "", `400 query parameter "x": google.protobuf.Empty has no such field`},
	}},
	{rpc: "Keyed) returns (Response", http: `get: "/v1/keyed"`, cases: []ruleCase{
		{"GET /v1/keyed?key=a&alt=b&$alt=json", "", `{"key":"a","alt":"b"}`},
	}},
}

// Values of query parameters, with GET /q.
var queries = []ruleCase{
	{"", "", `{}`},
	{"&&", "", `{}`},
	{"name=a+b%20c%2B", "", `{"name":"a b c+"}`},
	{"name", "", `{}`},
	{"maybe=", "", `{"maybe":""}`},
	{"name=a&name=b", "", `400 query parameter "name": it stands there twice`},
	{"messageId=a&message_id=b", "", `400 query parameter "message_id": it stands there twice`},
	{"name=%ff", "", `400 query parameter "name": "\xff" is not UTF-8`},
	{"name=%f", "", `400 the query is not valid`},
	{"%zz=1", "", `400 the query is not valid`},
	{"unknown=1", "", `400 query parameter "unknown": test.v1.Request has no such field`},
	{"sub.unknown=1", "", `400 query parameter "sub.unknown": `},
	{"=1", "", `400 query parameter "": `},
	{"sub..count=1", "", `400 query parameter "sub..count": `},
	{"name.x=1", "", `400 query parameter "name.x": `},
	{"tags.x=1", "", `400 query parameter "tags.x": `},
	{"messages.text=1", "", `400 query parameter "messages.text": `},
	{"messages=1", "", `400 query parameter "messages": it is a message or a map`},
	{"labels=1", "", `400 query parameter "labels": it is a message or a map`},
	{"labels.key=1", "", `400 query parameter "labels.key": `},
	{"sub=1", "", `400 query parameter "sub": it is a message or a map`},
	{"alt=json&$alt=sse&key=k&prettyPrint=true&quotaUser=u&$.xgafv=2", "", `{}`},
	{"alt=media", "", `400 query parameter "alt": "media" is neither "json" nor "sse"`},
	{"display_name=1", "", `400 query parameter "display_name": `},
	{"displayName=a", "", `{"displayName":"a"}`},

	{"tags=a&tags=&tags=b", "", `{"tags":["a","","b"]}`},
	{"tags=a,b", "", `{"tags":["a,b"]}`},
	{"numbers=1&numbers=-2", "", `{"numbers":[1,-2]}`},
	{"numbers=1&numbers=x", "", `400 query parameter "numbers": "x" is not a value of int32`},
	{"numbers=2147483648", "", `400 `},
	{"revision=-9223372036854775808", "", `{"revision":"-9223372036854775808"}`},
	{"revision=1.5", "", `400 `},
	{"revision=", "", `400 `},
	{"revision=0x10", "", `400 `},
	{"revision=1_0", "", `400 `},
	{"u32=4294967295&u64=18446744073709551615&s32=-1&f64=5", "", `{"u32":4294967295,"u64":"18446744073709551615","s32":-1,"f64":"5"}`},
	{"u32=-1", "", `400 `},
	{"flag=true", "", `{"flag":true}`},
	{"flag=false", "", `{}`},
	{"flag=1", "", `400 query parameter "flag": "1" is not a value of bool`},
	{"flag", "", `400 `},
	{"ratio=1e3&small=-0.5", "", `{"ratio":1000,"small":-0.5}`},
	{"ratio=NaN&small=-Infinity", "", `{"ratio":"NaN","small":"-Infinity"}`},
	{"ratio=inf", "", `400 `},
	{"ratio=0x1p4", "", `400 `},
	{"ratio=1e999", "", `400 `},
	{"small=1e39", "", `400 `},
	{"data=%2B%2F8%3D", "", `{"data":"+/8="}`},
	{"data=-_8", "", `{"data":"+/8="}`},
	{"data=-_8=", "", `{"data":"+/8="}`},
	{"data=-_8%0A", "", `400 `},
	{"data=%2B_8", "", `400 `},
	{"data=!", "", `400 `},
	{"color=GREEN", "", `{"color":"GREEN"}`},
	{"color=2", "", `{"color":"GREEN"}`},
	{"color=77", "", `{"color":77}`},
	{"color=green", "", `400 query parameter "color": "green" is not a value of test.v1.Color`},
	{"color=99999999999", "", `400 `},
	{"colors=RED&colors=2", "", `{"colors":["RED","GREEN"]}`},
	{"at=2026-01-02T03:04:05.5Z", "", `{"at":"2026-01-02T03:04:05.500Z"}`},
	{"at=2026", "", `400 query parameter "at": "2026" is not a value of google.protobuf.Timestamp`},
	{"at=%22%7D", "", `400 `},
	{"at.seconds=1", "", `400 `},
	{"times=2026-01-02T03:04:05Z&times=2026-01-02T03:04:06Z", "", `{"times":["2026-01-02T03:04:05Z","2026-01-02T03:04:06Z"]}`},
	{"wait=1.5s", "", `{"wait":"1.500s"}`},
	{"wait=1.5", "", `400 `},
	{"mask=a.b,cD", "", `{"mask":"a.b,cD"}`},
	{"mask=a_b", "", `400 `},
	{"nick=&big=7&sure=false&blob=AA&score=0.5", "", `{"nick":"","big":"7","sure":false,"blob":"AA==","score":0.5}`},
	{`nick="x"`, "", `{"nick":"\"x\""}`},
	{"big=x", "", `400 `},
	{"left=a&maybe=b", "", `{"left":"a","maybe":"b"}`},
	{"left=a&right=b", "", `400 query parameter "right": it excludes "left", which is set too`},
	{"both.count=1&left=a", "", `400 `},
	{"left=a&both.count=1", "", `400 `},
	{"both.count=1&both.subfield=a", "", `{"both":{"subfield":"a","count":1}}`},
	{"self.self.name=x", "", `{"self":{"self":{"name":"x"}}}`},
	{strings.Repeat("self.", 31) + "name=x", "", strings.Repeat(`{"self":`, 31) + `{"name":"x"}` + strings.Repeat("}", 31)},
	{strings.Repeat("self.", 32) + "name=x", "", `400 `},
	{"name=" + strings.Repeat("x", 9<<10), "", `414 a query of 9221 bytes is larger than the limit of 8192`},
	{"http_body.data=AA&http_body.contentType=x", "", `{"httpBody":{"contentType":"x","data":"AA=="}}`},
}

func TestRules(t *testing.T) {
	inQuery := rule{http: `get: "/q"`}
	for _, c := range queries {
		inQuery.cases = append(inQuery.cases, ruleCase{"GET /q?" + c.request, "", c.want})
	}
	rules := append(append([]rule{inQuery}, documented...), further...)
	var services strings.Builder
	for i, r := range rules {
		if r.rpc == "" {
			r.rpc = "Request) returns (Response"
		}
		fmt.Fprintf(&services, "service S%d { rpc Call(%s) { option (google.api.http) = { %s }; } }\n", i, r.rpc, r.http)
	}
	rec := &recorder{files: compile(t, services.String())}
	client := newClient(t, false)
	for i, r := range rules {
		name := fmt.Sprintf("test.v1.S%d/Call", i)
		t.Run(r.http, func(t *testing.T) {
			addr := start(t, handlerOf(rec, config(), newFormat(t, rec.files, name)))
			for _, c := range r.cases {
				var body io.Reader
				if c.body != "" {
					body = strings.NewReader(c.body)
				}
				res := do(t, client, addr, c.request, nil, body)
				got, want := rec.last(t), name+" "+c.want
				switch code, text, _ := strings.Cut(c.want, " "); {
				case strings.HasPrefix(c.want, "{"):
					if got != want || res.status != 200 {
						t.Errorf("%s %s:\ngot  %d, %s %s\nwant %s", c.request, c.body, res.status, got, res.body, want)
					}
				case code == "404" && res.status == 418: // matches no pattern
				case code == "405" && res.status == 405 && res.header.Get("Allow") == text && got == "":
				default:
					quoted := strings.ReplaceAll(strings.ReplaceAll(text, `\`, `\\`), `"`, `\"`)
					if fmt.Sprint(res.status) != code || !strings.Contains(res.body, `"message":"`+quoted) || got != "" {
						t.Errorf("%s %s: got %d %s %s, want %s", c.request, c.body, res.status, res.body, got, c.want)
					}
				}
			}
		})
	}
}

// Of several templates that match, the most specific one is chosen among those with the HTTP method.
func TestRules_Precedence(t *testing.T) {
	bindings := []string{
		`get: "/v1/{name=**}"`,
		`get: "/v1/{name=things/**}"`,
		`get: "/v1/{name=things/*}"`,
		`get: "/v1/things/special"`,
		`post: "/v1/things/special"`,
		`get: "/v1/things/{id}/parts"`,
		`get: "/v1/things/x/{id}"`,
		`get: "/v1/{name=things/*}:get"`,
		`get: "/v1/{name=**}:deep"`,
		`post: "/v1/things/{id}"`,
		`custom { kind: "*" path: "/v1/things/any" }`,
	}
	var services strings.Builder
	var methods []string
	for i, b := range bindings {
		fmt.Fprintf(&services, "service S%d { rpc Call(Request) returns (Response) { option (google.api.http) = { %s }; } }\n", i, b)
		methods = append(methods, fmt.Sprintf("test.v1.S%d/Call", i))
	}
	rec := &recorder{files: compile(t, services.String())}
	addr := start(t, handlerOf(rec, config(), newFormat(t, rec.files, methods...)))
	client := newClient(t, false)
	for request, want := range map[string]string{
		"GET /v1/a/b":              `0/Call {"name":"a/b"}`,
		"GET /v1/things":           `1/Call {"name":"things"}`,
		"GET /v1/things/":          `1/Call {"name":"things"}`,
		"GET /v1/things/a/b":       `1/Call {"name":"things/a/b"}`,
		"GET /v1/things/a":         `2/Call {"name":"things/a"}`,
		"GET /v1/things/special":   `3/Call {}`,
		"GET /v1/things/%73pecial": `3/Call {}`,
		"POST /v1/things/special":  `4/Call {}`,
		"GET /v1/things/y/parts":   `5/Call {"id":"y"}`,
		"GET /v1/things/x/parts":   `6/Call {"id":"parts"}`,
		"GET /v1/things/x/y":       `6/Call {"id":"y"}`,
		"GET /v1/things/x/y/z":     `1/Call {"name":"things/x/y/z"}`,
		"GET /v1/things/a:get":     `7/Call {"name":"things/a"}`,
		"GET /v1/things/a:deep":    `8/Call {"name":"things/a"}`,
		"GET /v1/things/a:other":   `2/Call {"name":"things/a:other"}`,
		"GET /v1/other:get":        `0/Call {"name":"other:get"}`,
		"POST /v1/things/a:get":    `9/Call {"id":"a:get"}`,
		"POST /v1/things/a":        `9/Call {"id":"a"}`,
		"POST /v1/things/any":      `10/Call {}`,
		"PUT /v1/things/any":       `10/Call {}`,
	} {
		res := do(t, client, addr, request, nil, nil)
		if got := strings.TrimPrefix(rec.last(t), "test.v1.S"); got != want {
			t.Errorf("%s: got %d, %s %s, want %s", request, res.status, got, res.body, want)
		}
	}
	res := do(t, client, addr, "PUT /v1/things/a:get", nil, nil)
	if allow := res.header.Get("Allow"); res.status != 405 || allow != "GET, HEAD, POST" {
		t.Errorf("got %d with Allow %q, want 405 with GET, HEAD, POST", res.status, allow)
	}
}

func TestNew_RefusesAnnotations(t *testing.T) {
	for rule, want := range map[string]string{
		`get: "v1"`:                           `does not start with "/"`,
		`get: ""`:                             `does not start with "/"`,
		`get: "/"`:                            "empty",
		`get: "/v1/"`:                         "empty",
		`get: "/v1//x"`:                       "empty",
		`get: "/v1/:x"`:                       "empty",
		`get: "/v1/x:"`:                       "empty",
		`get: "/v1/*:x:y"`:                    "a verb has no colon",
		`get: "/v1/*:x/y"`:                    `byte 6: unexpected "/"`,
		`get: "/v1/../x"`:                     `no path has a segment ".."`,
		`get: "/v1/%2e/x"`:                    `no path has a segment "%2e"`,
		`get: "/v1/%zz"`:                      "invalid URL escape",
		`get: "/v1/a b"`:                      `unexpected " "`,
		`get: "/v1/a?b=c"`:                    `unexpected "?"`,
		`get: "/v1/a*"`:                       `unexpected "*"`,
		`get: "/v1/*a"`:                       `unexpected "a"`,
		`get: "/v1/{name}a"`:                  `unexpected "a"`,
		`get: "/v1/a{name}"`:                  `unexpected "{"`,
		`get: "/v1/{name"`:                    "not closed",
		`get: "/v1/{name=a"`:                  "not closed",
		`get: "/v1/{name=}"`:                  "empty",
		`get: "/v1/{}"`:                       `"" is not the path of a field`,
		`get: "/v1/{a-b}"`:                    `"a-b" is not the path of a field`,
		`get: "/v1/{sub.}"`:                   `"sub." is not the path of a field`,
		`get: "/v1/{name={id}}"`:              "a variable within a variable",
		`get: "/v1/name}"`:                    `unexpected "}"`,
		`get: "/v1/**/x"`:                     `"**" is not the last segment`,
		`get: "/v1/{name=**}/x"`:              `"**" is not the last segment`,
		`get: "/v1/***"`:                      `unexpected "*"`,
		`get: "/v1/{nothing}"`:                `test.v1.Request has no field "nothing"`,
		`get: "/v1/{messageId}"`:              `has no field "messageId"`,
		`get: "/v1/{name.x}"`:                 `has no field "name.x"`,
		`get: "/v1/{tags}"`:                   "repeated or a message",
		`get: "/v1/{sub}"`:                    "repeated or a message",
		`get: "/v1/{labels}"`:                 "repeated or a message",
		`get: "/v1/{times}"`:                  "repeated or a message",
		`get: "/v1/{name}/{name}"`:            `the field "name" stands there twice`,
		`post: "/v1/x" body: "nothing"`:       `body: test.v1.Request has no field "nothing"`,
		`post: "/v1/x" body: "sub.count"`:     `has no field "sub.count"`,
		`get: "/v1/x" response_body: "name"`:  `response_body: test.v1.Response has no field "name"`,
		`custom { path: "/v1/x" }`:            `"" is not an HTTP method`,
		`custom { kind: "A B" path: "/v1/x"}`: `"A B" is not an HTTP method`,
		`body: "*"`:                           `path template ""`,
		`get: "/v1/x" additional_bindings { get: "/v1/y" additional_bindings { get: "/v1/z" } }`: "bindings of its own",
		`get: "/v1/x/{id}" additional_bindings { get: "/v1/x/{name=*}" }`:                        "GET /v1/x/{name=*} is bound to test.v1.S/Call, and to test.v1.S/Call as /v1/x/{id}",
	} {
		files := compile(t, "service S { rpc Call(Request) returns (Response) { option (google.api.http) = { "+rule+" }; } }")
		f, err := restformat.New(files, []string{"test.v1.S/Call"})
		if f != nil || err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "restformat: test.v1.S/Call: ") {
			t.Errorf("%s: got %v, want %s", rule, err, want)
		}
	}
}

// errBoth stands for an error that names two methods.
var errBoth = errors.New("two methods")

func TestNew_RefusesTwoMethodsOnOnePath(t *testing.T) {
	for rules, ok := range map[[2]string]bool{
		{`get: "/v1/{id}"`, `get: "/v1/{name}"`}:                                        false,
		{`get: "/v1/{id}"`, `get: "/v1/*"`}:                                             false,
		{`get: "/v1/{name=a/**}:x"`, `get: "/v1/a/**:x"`}:                               false,
		{`get: "/v1/%61"`, `get: "/v1/a"`}:                                              false,
		{`custom { kind: "GET" path: "/v1/a" }`, `get: "/v1/a"`}:                        false,
		{`custom { kind: "*" path: "/v1/a" }`, `get: "/v1/a"`}:                          true,
		{`get: "/v1/a"`, `put: "/v1/a"`}:                                                true,
		{`get: "/v1/{id}"`, `get: "/v1/{name=**}"`}:                                     true,
		{`get: "/v1/{id}"`, `get: "/v1/{id}:x"`}:                                        true,
		{`get: "/v1/{id}"`, `get: "/v2/a" additional_bindings { get: "/v1/{name=*}" }`}: false,
	} {
		files := compile(t, fmt.Sprintf(`
			service S { rpc Call(Request) returns (Response) { option (google.api.http) = { %s }; } }
			service T { rpc Call(Request) returns (Response) { option (google.api.http) = { %s }; } }`, rules[0], rules[1]))
		_, err := restformat.New(files, []string{"test.v1.S/Call", "test.v1.T/Call"})
		if err != nil && strings.Contains(err.Error(), "test.v1.S/Call") && strings.Contains(err.Error(), "test.v1.T/Call") {
			err = errBoth
		}
		if want := map[bool]error{false: errBoth}[ok]; err != want {
			t.Errorf("%s: got %v", rules, err)
		}
	}
}

func TestNew_IsNilWithoutAnnotations(t *testing.T) {
	files := compile(t, "service S { rpc Call(Request) returns (Response); }")
	for _, methods := range [][]string{nil, {"test.v1.S/Call"}, {"test.v1.S/Other", "no.such.Service/Call", "", "/", "test.v1.Request"}} {
		if f, err := restformat.New(files, methods); f != nil || err != nil {
			t.Errorf("%q: got %v, %v", methods, f, err)
		}
	}
	if f, err := restformat.New(nil, []string{"test.v1.S/Call"}); f != nil || err != nil {
		t.Errorf("the global files: got %v, %v", f, err)
	}
}
