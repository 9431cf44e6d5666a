package restformat_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/typepb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/jsoncodec"
)

// Messages of generated code are filled as well, although their descriptors are not those with the annotation.
func TestFormat_GeneratedMessages(t *testing.T) {
	files := compile(t, `
import "google/protobuf/type.proto";
service S {
	rpc Call(google.protobuf.Field) returns (google.protobuf.Field) {
		option (google.api.http) = {
			put: "/v1/fields/{name}" body: "options" response_body: "options"
			additional_bindings { post: "/v1/fields/{number}" body: "*" }
			additional_bindings { get: "/v1/fields/{number}/{kind}" response_body: "json_name" }
		};
	}
	rpc List(google.protobuf.Enum) returns (google.protobuf.Enum) {
		option (google.api.http) = { patch: "/v1/{source_context.file_name=enums/**}" body: "source_context" response_body: "source_context" };
	}
}`)
	var got string
	h := serveFunc(func(_ context.Context, call *codec.Call, r codec.Responder) {
		var err error
		var last any
		if strings.HasSuffix(call.Method, "/List") {
			msg := &typepb.Enum{Name: "not reset"}
			err, last = r.Recv(msg), msg
		} else {
			msg := &typepb.Field{Name: "not reset"}
			err, last = r.Recv(msg), msg
		}
		if err == nil {
			var b []byte
			b, err = jsoncodec.Codec{}.MarshalAppend(nil, last)
			got = string(b)
		}
		_ = r.Finish(last, err)
	})
	f := newFormat(t, files, "test.v1.S/Call", "test.v1.S/List")
	for request, want := range map[string][3]string{
		"PUT /v1/fields/a?kind=TYPE_BOOL&oneof_index=2&packed=true": {
			`[{"name":"x"}]`, `{"kind":"TYPE_BOOL","name":"a","oneofIndex":2,"packed":true,"options":[{"name":"x"}]}`, `[{"name":"x"}]`,
		},
		"POST /v1/fields/7":           {`{"name":"a","kind":"TYPE_INT32"}`, `{"kind":"TYPE_INT32","number":7,"name":"a"}`, ``},
		"GET /v1/fields/7/9?jsonName": {``, `{"kind":"TYPE_STRING","number":7}`, `""`},
		"PATCH /v1/enums/a/b?edition=2026&syntax=1": {
			`{}`, `{"sourceContext":{"fileName":"enums/a/b"},"syntax":"SYNTAX_PROTO3","edition":"2026"}`, `{"fileName":"enums/a/b"}`,
		},
	} {
		verb, target, _ := strings.Cut(request, " ")
		path, query, _ := strings.Cut(target, "?")
		x := newExchange(verb, path, query, want[0])
		got = ""
		f.Serve(t.Context(), x, h, config())
		if got != want[1] || want[2] != "" && x.String() != want[2] {
			t.Errorf("%s: got %s, %d %s\nwant %s, %s", request, got, x.status, x.String(), want[1], want[2])
		}
	}
}
