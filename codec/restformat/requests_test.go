package restformat_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/connectformat"
	"github.com/protomicro/micro/codec/restformat"
	"github.com/protomicro/micro/runtime"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport"
)

const echo = `
service S {
	rpc Get(Request) returns (Response) { option (google.api.http) = { get: "/v1/{name=**}" }; }
	rpc Put(Request) returns (Response) { option (google.api.http) = { put: "/v1/{name=**}" body: "*" }; }
	rpc Plain(Request) returns (Response);
}`

// An exchange is a transport.Exchange that keeps the response.
type exchange struct {
	req    transport.Request
	body   io.Reader
	status int
	header transport.Header
	bytes.Buffer
}

func (x *exchange) Request() *transport.Request      { return &x.req }
func (x *exchange) Read(p []byte) (int, error)       { return x.body.Read(p) }
func (x *exchange) Flush() error                     { return nil }
func (x *exchange) SetTrailer(transport.Header)      {}
func (x *exchange) SetReadDeadline(time.Time) error  { return nil }
func (x *exchange) SetWriteDeadline(time.Time) error { return nil }

func (x *exchange) Respond(status int, header transport.Header) error {
	if x.status != 0 {
		return io.ErrClosedPipe
	}
	x.status, x.header = status, header
	return nil
}

func newExchange(verb, path, query, body string) *exchange {
	x := &exchange{
		req:  transport.Request{Method: verb, Path: path, Query: query, Header: transport.Header{}, Length: -1, Major: 1, Peer: "test"},
		body: strings.NewReader(body),
	}
	if body != "" {
		x.req.Header["Content-Type"] = []string{"application/json"}
	}
	return x
}

// Paths in forms that others may understand in another way reach no handler.
func TestFormat_OddPaths(t *testing.T) {
	rec := &recorder{files: compile(t, echo)}
	f := newFormat(t, rec.files, "test.v1.S/Get", "test.v1.S/Put", "test.v1.S/Plain")
	for path, want := range map[string]string{
		"":                   "",
		"*":                  "",
		"v1/x":               "",
		"http://host/v1/x":   "",
		"//v1/x":             "",
		"/v1//x":             "",
		"/v1/x//":            "",
		"/v1/x/":             "",
		"/v1/./x":            "",
		"/v1/../v1/x":        "",
		"/v1/%2e%2e/x":       "",
		"/v1/.%2E":           "",
		"/v1/%zz":            "",
		"/v1/%":              "",
		"/V1/x":              "",
		"/%2Fv1/x":           "",
		"/v1%2Fx":            "",
		"/x":                 "",
		"/test.v1.S/Get":     "",
		"/test.v1.S/Plain":   "",
		"/v1/%252e%252e/x":   `test.v1.S/Get {"name":"%2e%2e/x"}`,
		"/v1/..%2Fx":         `test.v1.S/Get {"name":"..%2Fx"}`,
		"/%76%31/x":          `test.v1.S/Get {"name":"x"}`,
		"/v1/.../x":          `test.v1.S/Get {"name":".../x"}`,
		"/v1/test.v1.S/Put":  `test.v1.S/Get {"name":"test.v1.S/Put"}`,
		"/v1/%00":            `test.v1.S/Get {"name":"\u0000"}`,
		"/v1/a;b=c/d&e=f,g?": `test.v1.S/Get {"name":"a;b=c/d&e=f,g?"}`,
	} {
		x := newExchange("GET", path, "", "")
		if got := f.Match(x.Request()); got != (want != "") {
			t.Errorf("%q: Match returned %v", path, got)
		}
		f.Serve(t.Context(), x, rec, config())
		if got := rec.last(t); got != want || want == "" && x.status != 404 {
			t.Errorf("%q: got %s with %d, want %s", path, got, x.status, want)
		}
	}
}

func TestFormat_Match(t *testing.T) {
	files := compile(t, `service S {
		rpc Get(Request) returns (Response) { option (google.api.http) = { get: "/{parent}/{id}" }; }
		rpc Put(Request) returns (Response) { option (google.api.http) = { put: "/v1/x" body: "*" }; }
		rpc Plain(Request) returns (Response);
	}`)
	f := newFormat(t, files, "test.v1.S/Get", "test.v1.S/Put", "test.v1.S/Plain")
	for _, c := range []struct {
		verb, path, query, contentType string
		want                           bool
	}{
		{"GET", "/a/b", "", "", true},
		{"DELETE", "/a/b", "", "", true},
		{"PUT", "/v1/x", "", "application/json", true},
		{"POST", "/v1/x", "", "application/json", true},
		{"POST", "/a", "", "application/json", false},
		{"POST", "/", "", "application/json", false},
		{"GET", "/test.v1.S/Get", "", "", true},
		{"POST", "/test.v1.S/Get", "", "application/json", false},
		{"POST", "/test.v1.S/Put", "", "application/proto", false},
		{"POST", "/test.v1.S/Plain", "", "Application/JSON; charset=utf-8", false},
		{"POST", "/test.v1.S/Other", "", "application/json", true},
		{"GET", "/test.v1.S/Plain", "connect=v1&encoding=json&message=%7B%7D", "", false},
		{"POST", "/test.v1.S/Other", "", "application/grpc", false},
		{"POST", "/test.v1.S/Other", "", "application/grpc-web+proto", false},
		{"POST", "/test.v1.S/Other", "", "application/connect+json", false},
	} {
		req := &transport.Request{Method: c.verb, Path: c.path, Query: c.query, Header: transport.Header{}}
		if c.contentType != "" {
			req.Header["Content-Type"] = []string{c.contentType}
		}
		if got := f.Match(req); got != c.want {
			t.Errorf("%s %s?%s with %q: got %v", c.verb, c.path, c.query, c.contentType, got)
		}
	}
	if f.Name() != "rest" {
		t.Errorf("got the name %q", f.Name())
	}
}

func TestFormat_Bodies(t *testing.T) {
	rec := &recorder{files: compile(t, echo)}
	addr := start(t, handlerOf(rec, config(), newFormat(t, rec.files, "test.v1.S/Get", "test.v1.S/Put")))
	client := newClient(t, false)
	nested := func(n int) string { return `{"x":` + strings.Repeat("[", n) + strings.Repeat("]", n) + "}" }
	for name, c := range map[string]struct {
		contentType, body string
		status            int
		want              string // of the error
	}{
		"JSON":                    {"application/json", `{}`, 200, ""},
		"parameters":              {"Application/JSON; charset=UTF-8", `{}`, 200, ""},
		"another JSON":            {"application/vnd.x+json", `{}`, 200, ""},
		"nothing":                 {"application/json", ``, 200, ""},
		"other charset":           {"application/json; charset=latin1", `{}`, 415, "is not supported; supported is application/json"},
		"text":                    {"text/plain", `{}`, 415, "is not supported"},
		"a form":                  {"application/x-www-form-urlencoded", `{}`, 415, "is not supported"},
		"no type":                 {"", `{}`, 415, "is not supported"},
		"a type that is none":     {";;", `{}`, 415, "is not supported"},
		"not JSON":                {"application/json", `{`, 400, "cannot decode test.v1.Request"},
		"an array":                {"application/json", `[]`, 400, "cannot decode"},
		"two values":              {"application/json", `{}{}`, 400, "cannot decode"},
		"two values for one":      {"application/json", `{"name":"a","name":"b"}`, 400, "cannot decode"},
		"not UTF-8":               {"application/json", "{\"name\":\"\xff\"}", 400, "cannot decode"},
		"at the limit":            {"application/json", `{"id":"` + strings.Repeat("x", 64<<10-9) + `"}`, 200, ""},
		"above the limit":         {"application/json", `{"id":"` + strings.Repeat("x", 64<<10-8) + `"}`, 429, "larger than the limit of 65536"},
		"nested, unknown":         {"application/json", nested(20_000), 400, "cannot decode"},
		"nested, not so deep":     {"application/json", nested(1000), 200, ""},
		"deeper than any message": {"application/json", strings.Repeat(`{"self":`, 8000), 400, "cannot decode"},
	} {
		res := do(t, client, addr, "PUT /v1/x", http.Header{"Content-Type": {c.contentType}}, strings.NewReader(c.body))
		if got := rec.last(t); res.status != c.status || !strings.Contains(res.body, c.want) || (got != "") != (c.status == 200) {
			t.Errorf("%s: got %d, %.200s", name, res.status, res.body)
		}
		chunked := struct{ io.Reader }{strings.NewReader(c.body)}
		res = do(t, client, addr, "PUT /v1/x", http.Header{"Content-Type": {c.contentType}}, chunked)
		if rec.last(t); res.status != c.status {
			t.Errorf("%s, of unknown length: got %d, %.200s", name, res.status, res.body)
		}
	}
	for _, body := range []string{"", "x", "xx", strings.Repeat("x", 1<<20)} {
		for _, reader := range []io.Reader{strings.NewReader(body), struct{ io.Reader }{strings.NewReader(body)}} {
			res := do(t, client, addr, "GET /v1/x", http.Header{"Content-Type": {"text/plain"}}, reader)
			want := map[bool]int{true: 200, false: 400}[body == ""]
			if rec.last(t); res.status != want {
				t.Errorf("GET with a body of %d bytes: got %d, %s", len(body), res.status, res.body)
			}
		}
	}
}

func TestFormat_ReadsTheHead(t *testing.T) {
	rec := &recorder{files: compile(t, echo)}
	f := newFormat(t, rec.files, "test.v1.S/Get")
	addr := start(t, handlerOf(rec, config(), f))
	client := newClient(t, false)
	res := do(t, client, addr, "GET /v1/x", http.Header{
		"X-Own": {"a", "b"}, "X-Bin": {"AAE", "/w=="}, "Authorization": {"Bearer t"}, "X-Server-Timeout": {"1.5"}, "Connect-Own": {"1"},
		"Accept-Encoding": {"gzip"}, "User-Agent": {"test"},
	}, nil)
	call := rec.call
	if got := rec.last(t); got != `test.v1.S/Get {"name":"x"}` || res.status != 200 {
		t.Fatalf("got %s, %d %s", got, res.status, res.body)
	}
	if call.Timeout != 1500*time.Millisecond || call.Format != "rest" || call.Kind != codec.Unary || call.Codec.Name() != "json" || call.Peer == "" {
		t.Errorf("got %+v", call)
	}
	got := map[string][]string{}
	for _, field := range call.Header {
		got[field.Key] = append(got[field.Key], field.Value)
	}
	want := map[string][]string{
		"x-own": {"a", "b"}, "x-bin": {"\x00\x01", "\xff"}, "authorization": {"Bearer t"}, "user-agent": {"test"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	for key, values := range map[string][]string{
		"X-Server-Timeout": {"", "x", "-1", "1e3", "NaN", "1.2.3", "99999999999", "0.00000000000000001", " ", "0x1"}, "X-Bin": {"!"},
	} {
		for _, value := range values {
			x := newExchange("GET", "/v1/x", "", "")
			x.req.Header[key] = []string{value}
			f.Serve(t.Context(), x, rec, config())
			if got := rec.last(t); x.status != 400 || got != "" {
				t.Errorf("%s: %s: got %d, %s %s", key, value, x.status, x.String(), got)
			}
		}
	}
	for value, want := range map[string]time.Duration{"0": 1, "2": 2 * time.Second, "0.25": 250 * time.Millisecond} {
		x := newExchange("GET", "/v1/x", "", "")
		x.req.Header["X-Server-Timeout"] = []string{value}
		f.Serve(t.Context(), x, rec, config())
		if rec.call.Timeout != want {
			t.Errorf("%s s: got %v", value, rec.call.Timeout)
		}
	}
}

// The deadline ends the call, also while the rest of the body is waited for.
func TestFormat_Deadline(t *testing.T) {
	rec := &recorder{files: compile(t, echo)}
	addr := start(t, handlerOf(rec, config(), newFormat(t, rec.files, "test.v1.S/Put")))
	r, w := io.Pipe()
	defer func() { _ = w.Close() }()
	res := do(t, newClient(t, false), addr, "PUT /v1/x",
		http.Header{"X-Server-Timeout": {"0.05"}, "Content-Type": {"application/json"}}, r)
	if res.status != 504 || !strings.HasPrefix(res.body, `{"code":4,`) {
		t.Errorf("got %d, %s", res.status, res.body)
	}
}

// A client that falls silent within its body is not waited for.
func TestFormat_Silence(t *testing.T) {
	rec := &recorder{files: compile(t, echo)}
	cfg := config()
	cfg.Limits.ReadTimeout = 50 * time.Millisecond
	addr := start(t, handlerOf(rec, cfg, newFormat(t, rec.files, "test.v1.S/Put", "test.v1.S/Get")))
	for _, head := range []string{
		"PUT /v1/x HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{",
		"PUT /v1/x HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
		"GET /v1/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
	} {
		nc, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		_ = nc.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := nc.Write([]byte(head)); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(nc)
		if err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 504 ") {
			t.Errorf("%q: got %q, %v", head, got, err)
		}
		_ = nc.Close()
	}
}

// A handler that takes another message, or uses the call in a wrong way, harms nobody.
func TestFormat_WrongHandlers(t *testing.T) {
	files := compile(t, echo)
	f := newFormat(t, files, "test.v1.S/Get", "test.v1.S/Put")
	for name, c := range map[string]struct {
		serve func(r codec.Responder) error
		code  status.Code
	}{
		"another message": {func(r codec.Responder) error { return r.Recv(&emptypb.Empty{}) }, status.Internal},
		"no message":      {func(r codec.Responder) error { return r.Recv("x") }, status.Internal},
		"dropped":         {func(r codec.Responder) error { return r.Recv(nil) }, status.OK},
		"another answer":  {func(r codec.Responder) error { return r.Send("x") }, status.Internal},
		"two answers": {func(r codec.Responder) error {
			_ = r.Send(&emptypb.Empty{})
			return r.Send(&emptypb.Empty{})
		}, status.Internal},
		"closed": {func(r codec.Responder) error {
			_ = r.Close()
			return r.Recv(nil)
		}, status.Canceled},
		"closed, sending": {func(r codec.Responder) error {
			_ = r.Close()
			return r.Send(&emptypb.Empty{})
		}, status.Canceled},
		"after the end": {func(r codec.Responder) error {
			_ = r.Finish(&emptypb.Empty{}, nil)
			return r.Finish(&emptypb.Empty{}, nil)
		}, status.Internal},
		"late metadata": {func(r codec.Responder) error {
			_ = r.Finish(&emptypb.Empty{}, nil)
			return r.SetHeader(codec.Meta{{Key: "a", Value: "b"}})
		}, status.Internal},
	} {
		var got error
		x := newExchange("PUT", "/v1/x", "", "{}")
		f.Serve(t.Context(), x, serveFunc(func(_ context.Context, _ *codec.Call, r codec.Responder) {
			got = c.serve(r)
			_ = r.Finish(nil, status.Errorf(status.Aborted, "the end"))
		}), config())
		if status.CodeOf(got) != c.code {
			t.Errorf("%s: got %v, want %v", name, got, c.code)
		}
	}
	x := newExchange("PUT", "/v1/x", "", "{}")
	f.Serve(t.Context(), x, &recorder{files: files}, codec.Config{})
	if x.status != 501 {
		t.Errorf("without codecs: got %d", x.status)
	}
}

// An annotation is found as well if the options are decoded with the extension known.
func TestNew_KnownExtension(t *testing.T) {
	files := compile(t, echo)
	annotations, err := files.FindFileByPath("google/api/annotations.proto")
	if err != nil {
		t.Fatal(err)
	}
	types := new(protoregistry.Types)
	if err := types.RegisterExtension(dynamicpb.NewExtensionType(annotations.Extensions().ByName("http"))); err != nil {
		t.Fatal(err)
	}
	file := protodesc.ToFileDescriptorProto(methodOf(t, files, "test.v1.S/Get").ParentFile())
	b, err := proto.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	file = &descriptorpb.FileDescriptorProto{}
	if err := (proto.UnmarshalOptions{Resolver: types}).Unmarshal(b, file); err != nil {
		t.Fatal(err)
	}
	if options := file.GetService()[0].GetMethod()[0].GetOptions(); len(options.ProtoReflect().GetUnknown()) > 0 {
		t.Fatalf("the extension is not known in %v", options)
	}
	linked, err := protodesc.NewFile(file, files)
	if err != nil {
		t.Fatal(err)
	}
	all := new(protoregistry.Files)
	if err := all.RegisterFile(linked); err != nil {
		t.Fatal(err)
	}
	f := newFormat(t, all, "test.v1.S/Get")
	if !f.Match(&transport.Request{Method: "GET", Path: "/v1/x"}) {
		t.Error("the annotation was not found")
	}
}

// One server answers REST and Connect on the same port, with the same handlers.
func TestFormat_BesideConnect(t *testing.T) {
	files := compile(t, echo)
	server := &runtime.Server{Formats: []codec.Format{
		newFormat(t, files, "test.v1.S/Get", "test.v1.S/Put", "test.v1.S/Plain"), connectformat.Format{},
	}}
	for _, name := range []string{"Get", "Put", "Plain"} {
		method := methodOf(t, files, "test.v1.S/"+name)
		server.Handle(runtime.Handler{Method: &runtime.Method{Name: "test.v1.S/" + name}, Serve: func(_ context.Context, s runtime.RawStream) (any, error) {
			req := dynamicpb.NewMessage(method.Input())
			if err := s.Recv(req); err != nil {
				return nil, err
			}
			return newMessage(t, method.Output(), `{"text":"`+name+` `+req.Get(req.Descriptor().Fields().ByName("name")).String()+`"}`), nil
		}})
	}
	addr := start(t, server)
	client := newClient(t, false)
	for request, want := range map[string]string{
		"GET /v1/a/b":           `200 {"text":"Get a/b"}`,
		"PUT /v1/a/b":           `200 {"text":"Put a/b"}`,
		"POST /v1/a/b":          `405 {"code":12,"message":"\"POST\" is not served here, but GET, HEAD, PUT is"}`,
		"POST /test.v1.S/Get":   `200 {"text":"Get "}`,
		"POST /test.v1.S/Plain": `200 {"text":"Plain "}`,
		"POST /test.v1.S/None":  `404`,
		"POST /v2":              `404`,
		"POST /v2/x":            `404`,
	} {
		var body io.Reader
		if !strings.HasPrefix(request, "GET") {
			body = strings.NewReader("{}")
		}
		res := do(t, client, addr, request, nil, body)
		if got := itoa(res.status) + " " + res.body; !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %s, want %s", request, got, want)
		}
	}
}

// A roundTripper is a transport.RoundTripper that must not be used.
type roundTripper struct{ closed bool }

func (*roundTripper) Open(context.Context, *transport.Request, []byte) (transport.Trip, error) {
	return nil, io.ErrUnexpectedEOF
}

func (rt *roundTripper) Close() error {
	rt.closed = true
	return nil
}

func TestFormat_Dial(t *testing.T) {
	rt := &roundTripper{}
	conn := (&restformat.Format{}).Dial(rt, codec.Config{})
	if _, err := conn.Open(t.Context(), &codec.Call{}); status.CodeOf(err) != status.Unimplemented {
		t.Errorf("got %v, want Unimplemented", err)
	}
	select {
	case <-conn.Done():
		t.Error("the connection has ended before it was closed")
	default:
	}
	if err := conn.Close(); err != nil || !rt.closed {
		t.Errorf("got %v, %v", err, rt.closed)
	}
	<-conn.Done()
	_ = conn.Close()
}
