package restformat_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/compress"
	"github.com/protomicro/micro/status"
)

// newMessage returns a message of the given JSON.
func newMessage(t testing.TB, md protoreflect.MessageDescriptor, text string) *dynamicpb.Message {
	t.Helper()
	m := dynamicpb.NewMessage(md)
	if err := protojson.Unmarshal([]byte(text), m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestFormat_ResponseBody(t *testing.T) {
	const full = `{"text":"a","message":{"text":"b"},"messages":[{"text":"c"},{}],"numbers":["1","2"],"counts":{"x":1},
		"big":"5","color":"RED","httpBody":{"contentType":"text/plain","data":"aGk="},"at":"2026-01-02T03:04:05Z","flag":true,"maybe":""}`
	for field, want := range map[string]struct{ set, unset string }{
		"text":      {`"a"`, `""`},
		"message":   {`{"text":"b"}`, `null`},
		"messages":  {`[{"text":"c"},{}]`, `[]`},
		"numbers":   {`["1","2"]`, `[]`},
		"counts":    {`{"x":1}`, `{}`},
		"big":       {`"5"`, `"0"`},
		"color":     {`"RED"`, `"COLOR_UNSPECIFIED"`},
		"http_body": {`hi`, ``},
		"at":        {`"2026-01-02T03:04:05Z"`, `null`},
		"flag":      {`true`, `false`},
		"maybe":     {`""`, `null`},
	} {
		files := compile(t, `service S { rpc Call(Request) returns (Response) {
			option (google.api.http) = { get: "/v1/x" response_body: "`+field+`" additional_bindings { get: "/v1/whole" } }; } }`)
		for text, want := range map[string]string{full: want.set, "{}": want.unset} {
			rec := &recorder{files: files, res: func(out protoreflect.MessageDescriptor, _ *dynamicpb.Message) proto.Message {
				return newMessage(t, out, text)
			}}
			addr := start(t, handlerOf(rec, config(), newFormat(t, files, "test.v1.S/Call")))
			res := do(t, newClient(t, false), addr, "GET /v1/x", nil, nil)
			kind := "application/json"
			if field == "http_body" {
				kind = map[string]string{"hi": "text/plain", "": "application/octet-stream"}[want]
			}
			if res.status != 200 || res.body != want || res.header.Get("Content-Type") != kind {
				t.Errorf("%s: got %d, %s %v, want %s", field, res.status, res.body, res.header, want)
			}
		}
	}
}

func TestFormat_HTTPBody(t *testing.T) {
	files := compile(t, `
		service S {
			rpc Raw(google.api.HttpBody) returns (google.api.HttpBody) { option (google.api.http) = { post: "/v1/raw" body: "*" }; }
			rpc Field(Request) returns (Response) { option (google.api.http) = { put: "/v1/files/{name=**}" body: "http_body" }; }
			rpc Get(Request) returns (google.api.HttpBody) { option (google.api.http) = { get: "/v1/files/{name=**}" }; }
		}`)
	rec := &recorder{files: files, res: func(out protoreflect.MessageDescriptor, req *dynamicpb.Message) proto.Message {
		switch {
		case req.Descriptor() == out:
			return req
		case out.Name() == "HttpBody":
			name := req.Get(req.Descriptor().Fields().ByName("name")).String()
			m := dynamicpb.NewMessage(out)
			m.Set(out.Fields().ByName("content_type"), protoreflect.ValueOfString(name))
			return m
		}
		return dynamicpb.NewMessage(out)
	}}
	addr := start(t, handlerOf(rec, config(), newFormat(t, files, "test.v1.S/Raw", "test.v1.S/Field", "test.v1.S/Get")))
	client := newClient(t, false)

	res := do(t, client, addr, "POST /v1/raw", http.Header{"Content-Type": {"image/png; x=1"}}, strings.NewReader("\x00\xff\n"))
	if res.status != 200 || res.body != "\x00\xff\n" || res.header.Get("Content-Type") != "image/png; x=1" {
		t.Errorf("raw: got %d, %q, %v", res.status, res.body, res.header)
	}
	rec.last(t)
	res = do(t, client, addr, "POST /v1/raw", nil, nil)
	if got := rec.last(t); res.status != 200 || got != "test.v1.S/Raw {}" {
		t.Errorf("nothing: got %d, %s", res.status, got)
	}
	do(t, client, addr, "PUT /v1/files/a/b?revision=1", http.Header{"Content-Type": {"text/plain"}}, strings.NewReader("hi"))
	want := `test.v1.S/Field {"name":"a/b","revision":"1","httpBody":{"contentType":"text/plain","data":"aGk="}}`
	if got := rec.last(t); got != want {
		t.Errorf("field: got %s, want %s", got, want)
	}
	res = do(t, client, addr, "GET /v1/files/text%0d%0aX:%20y", nil, nil)
	if res.status != 500 || res.header.Get("X") != "" || !strings.Contains(res.body, "cannot be sent") {
		t.Errorf("a content type of two lines: got %d, %q, %v", res.status, res.body, res.header)
	}
	res = do(t, client, addr, "POST /v1/raw", http.Header{"Content-Type": {"x/y"}}, strings.NewReader(strings.Repeat("x", 64<<10+1)))
	if res.status != 429 {
		t.Errorf("too large: got %d, %q", res.status, res.body)
	}
}

// An outcome of each code has its HTTP status, and the JSON of google.rpc.Status.
func TestFormat_Errors(t *testing.T) {
	files := compile(t, `service S { rpc Call(Request) returns (Response) { option (google.api.http) = { get: "/v1/x" }; } }`)
	var outcome error
	addr := start(t, handlerOf(serveFunc(func(_ context.Context, _ *codec.Call, r codec.Responder) {
		_ = r.SetHeader(codec.Meta{{Key: "x-head", Value: "1"}, {Key: "x-head", Value: "2"}, {Key: "x-bin", Value: "\x00"}, {Key: "connection", Value: "x"}})
		_ = r.SetTrailer(codec.Meta{{Key: "x-end", Value: "3"}})
		_ = r.Finish(nil, outcome)
	}), config(), newFormat(t, files, "test.v1.S/Call")))
	client := newClient(t, false)
	for code, httpStatus := range map[status.Code]int{
		status.Canceled: 499, status.Unknown: 500, status.InvalidArgument: 400, status.DeadlineExceeded: 504, status.NotFound: 404,
		status.AlreadyExists: 409, status.PermissionDenied: 403, status.ResourceExhausted: 429, status.FailedPrecondition: 400,
		status.Aborted: 409, status.OutOfRange: 400, status.Unimplemented: 501, status.Internal: 500, status.Unavailable: 503,
		status.DataLoss: 500, status.Unauthenticated: 401, 77: 500,
	} {
		outcome = status.Errorf(code, "a \"reason\"\xff").With(durationpb.New(1500 * time.Millisecond))
		outcome.(*status.Error).Details = append(outcome.(*status.Error).Details, &anypb.Any{TypeUrl: "x/no.such.Type", Value: []byte{1}})
		res := do(t, client, addr, "GET /v1/x", nil, nil)
		if code == 77 {
			code = status.Unknown
		}
		want := `{"code":` + strings.TrimSpace(itoa(int(code))) + `,"message":"a \"reason\"\ufffd","details":[` +
			`{"@type":"type.googleapis.com/google.protobuf.Duration","value":"1.500s"},{"@type":"x/no.such.Type","value":"AQ=="}]}`
		if res.status != httpStatus || res.body != want || res.header.Get("Content-Type") != "application/json" {
			t.Errorf("%v: got %d, %s\nwant %d, %s", code, res.status, res.body, httpStatus, want)
		}
		if !slices.Equal(res.header["X-Head"], []string{"1", "2"}) || res.header.Get("X-Bin") != "AA" || res.header.Get("Trailer-X-End") != "3" {
			t.Errorf("%v: got the header %v", code, res.header)
		}
	}
	outcome = nil
	if res := do(t, client, addr, "GET /v1/x", nil, nil); res.status != 500 || !strings.Contains(res.body, "sent no response") {
		t.Errorf("no response: got %d, %s", res.status, res.body)
	}
}

func itoa(n int) string {
	b, _ := protojson.Marshal(durationpb.New(time.Duration(n) * time.Second))
	return strings.Trim(string(b), `"s`)
}

const streams = `
service S {
	rpc Watch(Request) returns (stream Response) {
		option (google.api.http) = { get: "/v1/watch/{revision}" additional_bindings { get: "/v1/texts/{revision}" response_body: "text" } };
	}
	rpc Download(Request) returns (stream google.api.HttpBody) { option (google.api.http) = { get: "/v1/download/{revision}" }; }
	rpc Upload(stream Request) returns (Response) { option (google.api.http) = { post: "/v1/upload" body: "*" }; }
	rpc Chat(stream Request) returns (stream Response) { option (google.api.http) = { post: "/v1/chat" body: "*" }; }
}`

// A watcher sends as many messages as the request's revision, in its last digits, and fails after them if it is over 100.
func watcher(t *testing.T, method func(name string) protoreflect.MethodDescriptor) serveFunc {
	return func(_ context.Context, call *codec.Call, r codec.Responder) {
		m := method(call.Method)
		req := dynamicpb.NewMessage(m.Input())
		if err := r.Recv(req); err != nil {
			_ = r.Finish(nil, err)
			return
		}
		_ = r.SetHeader(codec.Meta{{Key: "x-head", Value: "1"}})
		_ = r.SetTrailer(codec.Meta{{Key: "x-end", Value: "2"}})
		text := `{"text":"a\nb"}`
		if m.Output().Name() == "HttpBody" {
			text = `{"contentType":"text/plain","data":"aGk="}`
		}
		revision := req.Get(req.Descriptor().Fields().ByName("revision")).Int()
		var last any
		for i := range revision % 100 {
			if i == revision%100-1 && revision < 100 {
				last = newMessage(t, m.Output(), text)
				break
			}
			if err := r.Send(newMessage(t, m.Output(), text)); err != nil {
				_ = r.Finish(nil, err)
				return
			}
		}
		var outcome error
		if revision >= 100 {
			outcome = status.Errorf(status.Aborted, "no more")
		}
		_ = r.Finish(last, outcome)
	}
}

func TestFormat_Streams(t *testing.T) {
	files := compile(t, streams)
	h := watcher(t, func(name string) protoreflect.MethodDescriptor { return methodOf(t, files, name) })
	addr := start(t, handlerOf(h, config(), newFormat(t, files, "test.v1.S/Watch", "test.v1.S/Download", "test.v1.S/Upload", "test.v1.S/Chat")))
	const line, failure = `{"text":"a\nb"}`, `{"code":10,"message":"no more"}`
	events := http.Header{"Accept": {"text/html, text/event-stream;q=0.5"}}
	for _, http2 := range []bool{false, true} {
		client := newClient(t, http2)
		for _, c := range []struct {
			request string
			header  http.Header
			status  int
			kind    string
			want    string
		}{
			{"GET /v1/watch/2", nil, 200, "application/x-ndjson", line + "\n" + line + "\n"},
			{"GET /v1/watch/0", nil, 200, "application/x-ndjson", ""},
			{"GET /v1/watch/102", nil, 200, "application/x-ndjson", line + "\n" + line + "\n" + `{"error":` + failure + "}\n"},
			{"GET /v1/watch/100", nil, 409, "application/json", failure},
			{"GET /v1/watch/x", nil, 400, "application/json", `{"code":3,"message":"path variable \"revision\": \"x\" is not a value of int64"}`},
			{"GET /v1/watch/2", events, 200, "text/event-stream", "data: " + line + "\n\ndata: " + line + "\n\n"},
			{"GET /v1/watch/1?alt=sse", nil, 200, "text/event-stream", "data: " + line + "\n\n"},
			{"GET /v1/watch/1?$alt=json", nil, 200, "application/x-ndjson", line + "\n"},
			{"GET /v1/watch/101", events, 200, "text/event-stream", "data: " + line + "\n\nevent: error\ndata: " + failure + "\n\n"},
			{"GET /v1/watch/100", events, 409, "application/json", failure},
			{"GET /v1/texts/2", nil, 200, "application/x-ndjson", `"a\nb"` + "\n" + `"a\nb"` + "\n"},
			{"GET /v1/download/3", events, 200, "text/plain", "hihihi"},
			{"GET /v1/download/0", nil, 200, "application/octet-stream", ""},
			{"GET /v1/download/100", nil, 409, "application/json", failure},
			{"POST /v1/upload", nil, 501, "application/json", `{"code":12,"message":"test.v1.S/Upload is a client stream method, which REST does not have"}`},
			{"POST /v1/chat", nil, 501, "application/json", `{"code":12,"message":"test.v1.S/Chat is a bidi stream method, which REST does not have"}`},
		} {
			res := do(t, client, addr, c.request, c.header, nil)
			if res.err != nil || res.status != c.status || res.header.Get("Content-Type") != c.kind || res.body != c.want {
				t.Errorf("%s: got %d, %s, %q, %v\nwant %d, %s, %q", c.request, res.status, res.header.Get("Content-Type"), res.body, res.err, c.status, c.kind, c.want)
			}
			if c.status == 200 && (res.header.Get("X-Head") != "1" || res.trailer.Get("Trailer-X-End") != "2") {
				t.Errorf("%s: got the header %v and the trailer %v", c.request, res.header, res.trailer)
			}
			if c.status == 409 && res.header.Get("Trailer-X-End") != "2" {
				t.Errorf("%s: got the header %v", c.request, res.header)
			}
			if want := map[bool]string{true: "no-cache"}[c.kind == "text/event-stream"]; res.header.Get("Cache-Control") != want {
				t.Errorf("%s: got Cache-Control %q", c.request, res.header.Get("Cache-Control"))
			}
		}
		res := do(t, client, addr, "GET /v1/download/101", nil, nil)
		if res.err == nil || res.status != 200 || strings.TrimPrefix(res.body, "hi") != "" {
			t.Errorf("a download that fails: got %d, %q, %v, want a body that is cut off", res.status, res.body, res.err)
		}
	}
}

// What is sent arrives before the call ends, and the handler learns that the client is gone.
func TestFormat_StreamsAreLive(t *testing.T) {
	files := compile(t, streams)
	gone := make(chan struct{})
	addr := start(t, handlerOf(serveFunc(func(ctx context.Context, _ *codec.Call, r codec.Responder) {
		defer close(gone)
		_ = r.Send(newMessage(t, methodOf(t, files, "test.v1.S/Watch").Output(), `{"text":"first"}`))
		<-ctx.Done()
		_ = r.Finish(nil, ctx.Err())
	}), config(), newFormat(t, files, "test.v1.S/Watch")))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/v1/watch/1", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := newClient(t, false).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	got := make([]byte, len(`{"text":"first"}`+"\n"))
	if _, err := io.ReadFull(res.Body, got); err != nil || string(got) != `{"text":"first"}`+"\n" {
		t.Errorf("got %q, %v", got, err)
	}
	cancel()
	<-gone
}

func TestFormat_HEAD(t *testing.T) {
	files := compile(t, streams+`service U { rpc Call(Request) returns (Response) { option (google.api.http) = { get: "/v1/x/{id}" }; } }`)
	rec := &recorder{files: files, res: func(out protoreflect.MessageDescriptor, _ *dynamicpb.Message) proto.Message {
		return newMessage(t, out, `{"text":"abc"}`)
	}}
	watch := watcher(t, func(name string) protoreflect.MethodDescriptor { return methodOf(t, files, name) })
	addr := start(t, handlerOf(serveFunc(func(ctx context.Context, call *codec.Call, r codec.Responder) {
		if call.Kind == codec.Unary {
			rec.ServeCall(ctx, call, r)
		} else {
			watch(ctx, call, r)
		}
	}), config(), newFormat(t, files, "test.v1.S/Watch", "test.v1.U/Call")))
	client := newClient(t, false)
	for range 2 { // on one connection
		res := do(t, client, addr, "HEAD /v1/x/7", nil, nil)
		if got := rec.last(t); got != `test.v1.U/Call {"id":"7"}` || res.status != 200 || res.body != "" || res.header.Get("Content-Length") != "14" {
			t.Errorf("unary: got %s, %d, %v", got, res.status, res.header)
		}
		res = do(t, client, addr, "HEAD /v1/x/%ff", nil, nil)
		if res.status != 400 || res.body != "" || res.header.Get("Content-Type") != "application/json" {
			t.Errorf("an error: got %d, %v", res.status, res.header)
		}
		res = do(t, client, addr, "HEAD /v1/watch/5", nil, nil)
		if res.status != 200 || res.body != "" || res.header.Get("Content-Type") != "application/x-ndjson" {
			t.Errorf("a stream: got %d, %v", res.status, res.header)
		}
	}
}

func TestFormat_Compression(t *testing.T) {
	files := compile(t, `
		service S {
			rpc Call(Request) returns (Response) { option (google.api.http) = { post: "/v1/x" body: "*" }; }
			rpc Raw(Request) returns (google.api.HttpBody) { option (google.api.http) = { get: "/v1/raw" }; }
		}`)
	long := strings.Repeat("x", 10<<10)
	rec := &recorder{files: files, res: func(out protoreflect.MessageDescriptor, req *dynamicpb.Message) proto.Message {
		if out.Name() == "HttpBody" {
			return newMessage(t, out, `{"data":"`+long+`"}`)
		}
		return newMessage(t, out, `{"text":"`+req.Get(req.Descriptor().Fields().ByName("name")).String()+`"}`)
	}}
	addr := start(t, handlerOf(rec, config(), newFormat(t, files, "test.v1.S/Call", "test.v1.S/Raw")))
	client := newClient(t, false)
	gzip := compress.Gzip()
	packed := func(s string) string {
		b, err := gzip.Compress(nil, []byte(s))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for name, c := range map[string]struct {
		request, encoding, accept, body string
		status                          int
		want                            string // the encoding of the response
	}{
		"both":         {"POST /v1/x", "gzip", "br, gzip;q=0.5", packed(`{"name":"` + long + `"}`), 200, "gzip"},
		"request":      {"POST /v1/x", "gzip", "", packed(`{"name":"` + long + `"}`), 200, ""},
		"response":     {"POST /v1/x", "identity", "gzip", `{"name":"` + long + `"}`, 200, "gzip"},
		"refused":      {"POST /v1/x", "", "gzip; q=0", `{"name":"` + long + `"}`, 200, ""},
		"not known":    {"POST /v1/x", "", "br", `{"name":"` + long + `"}`, 200, ""},
		"short":        {"POST /v1/x", "", "gzip", `{"name":"x"}`, 200, ""},
		"raw":          {"GET /v1/raw", "", "gzip", "", 200, ""},
		"unknown":      {"POST /v1/x", "br", "", "x", 415, ""},
		"damaged":      {"POST /v1/x", "gzip", "", "x", 400, ""},
		"a small bomb": {"POST /v1/x", "gzip", "", packed(strings.Repeat(" ", 1<<20)), 429, ""},
	} {
		header := http.Header{"Content-Type": {"application/json"}}
		for key, value := range map[string]string{"Content-Encoding": c.encoding, "Accept-Encoding": c.accept} {
			if value != "" {
				header.Set(key, value)
			}
		}
		var body io.Reader
		if c.body != "" {
			body = strings.NewReader(c.body)
		}
		res := do(t, client, addr, c.request, header, body)
		if res.status != c.status || res.header.Get("Content-Encoding") != c.want {
			t.Errorf("%s: got %d with the encoding %q: %.200q", name, res.status, res.header.Get("Content-Encoding"), res.body)
			continue
		}
		if c.want != "" {
			plain, err := gzip.Decompress(nil, []byte(res.body), 1<<20)
			if err != nil || string(plain) != `{"text":"`+long+`"}` || res.header.Get("Vary") != "Accept-Encoding" {
				t.Errorf("%s: got %.100q, %v", name, plain, err)
			}
		}
		if accept := res.header.Get("Accept-Encoding"); c.status == 415 && accept != "gzip,identity" {
			t.Errorf("%s: got Accept-Encoding %q", name, accept)
		}
	}
}
