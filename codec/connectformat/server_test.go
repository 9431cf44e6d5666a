package connectformat_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/connectformat"
	"github.com/protomicro/micro/codec/jsoncodec"
	"github.com/protomicro/micro/codec/protocodec"
	"github.com/protomicro/micro/transport"
)

// An exchange is a transport.Exchange that keeps the response.
type exchange struct {
	req    transport.Request
	body   io.Reader
	read   int
	status int
	header transport.Header
	bytes.Buffer
}

func newExchange(contentType, body string) *exchange {
	return &exchange{
		req: transport.Request{
			Method: "POST", Path: "/test.v1.Test/Echo", Header: transport.Header{"Content-Type": {contentType}}, Length: -1, Major: 1, Peer: "test",
		},
		body: strings.NewReader(body),
	}
}

func (x *exchange) Request() *transport.Request { return &x.req }

func (x *exchange) Read(p []byte) (int, error) {
	n, err := x.body.Read(p)
	x.read += n
	return n, err
}

func (x *exchange) Respond(status int, header transport.Header) error {
	if x.status != 0 {
		return io.ErrClosedPipe
	}
	x.status, x.header = status, header
	return nil
}

func (x *exchange) Flush() error                     { return nil }
func (x *exchange) SetTrailer(transport.Header)      {}
func (x *exchange) SetReadDeadline(time.Time) error  { return nil }
func (x *exchange) SetWriteDeadline(time.Time) error { return nil }

// An echo answers each message with itself.
type echo struct{}

func (echo) ServeCall(_ context.Context, _ *codec.Call, r codec.Responder) {
	for {
		msg := &wrapperspb.StringValue{}
		switch err := r.Recv(msg); err {
		case nil:
			_ = r.Send(msg)
		case io.EOF:
			_ = r.Finish(nil, nil)
			return
		default:
			_ = r.Finish(nil, err)
			return
		}
	}
}

func config(limit int) codec.Config {
	return codec.Config{Codecs: codec.Codecs{protocodec.Codec{}, jsoncodec.Codec{}}, Limits: codec.Limits{MessageBytes: limit}}
}

const (
	unaryJSON  = "application/json"
	streamJSON = "application/connect+json"
)

func TestFormat_Serve(t *testing.T) {
	for name, row := range map[string]struct {
		contentType string
		change      func(req *transport.Request)
		body        string
		status      int
		want        string // contained in the body
		header      string // "Key: value" that is contained in the header
	}{
		"unary":            {unaryJSON, nil, `"text"`, 200, `"text"`, "Content-Length: 6"},
		"parameters":       {"Application/JSON; charset=utf-8", nil, `"text"`, 200, `"text"`, "Content-Type: application/json"},
		"version 1":        {unaryJSON, with("Connect-Protocol-Version", "1"), `""`, 200, `""`, ""},
		"version 2":        {unaryJSON, with("Connect-Protocol-Version", "2"), `""`, 400, `"invalid_argument"`, "Content-Type: application/json"},
		"timeout":          {unaryJSON, with("Connect-Timeout-Ms", "9999999999"), `""`, 200, `""`, ""},
		"long timeout":     {unaryJSON, with("Connect-Timeout-Ms", "00000000001"), `""`, 400, `"invalid_argument"`, ""},
		"negative timeout": {unaryJSON, with("Connect-Timeout-Ms", "-1"), `""`, 400, `"invalid_argument"`, ""},
		"empty timeout":    {streamJSON, with("Connect-Timeout-Ms", ""), "", 200, `{"error":{"code":"invalid_argument"`, ""},
		"compressed":       {unaryJSON, with("Content-Encoding", "gzip"), "", 501, "supported: identity", "Accept-Encoding: identity"},
		"identity":         {unaryJSON, with("Content-Encoding", "identity"), `""`, 200, `""`, ""},
		"compressed stream": {
			streamJSON, with("Connect-Content-Encoding", "br"), "", 200, `{"error":{"code":"unimplemented"`,
			"Connect-Accept-Encoding: identity",
		},
		"bad metadata":    {unaryJSON, with("X-Bin", "!"), `""`, 400, `"invalid_argument"`, ""},
		"padded metadata": {unaryJSON, with("X-Bin", "AA=="), `""`, 200, `""`, ""},
		"GET": {unaryJSON, func(req *transport.Request) {
			req.Method, req.Query = "GET", "connect=v1&encoding=json&message=%22text%22"
			delete(req.Header, "Content-Type")
		}, "", 200, `"text"`, "Vary: Accept-Encoding"},
		"GET base64":        {"", get("encoding=json&base64=1&message=InRleHQi"), "", 200, `"text"`, ""},
		"GET padded":        {"", get("encoding=json&base64=1&message=InRleA%3D%3D"), "", 400, `"invalid_argument"`, ""},
		"GET not base64":    {"", get("encoding=json&base64=1&message=!"), "", 400, "base64", ""},
		"GET odd base64":    {"", get("encoding=json&base64=2&message="), "", 400, "base64=", ""},
		"GET version":       {"", get("connect=v2&encoding=json&message=%22%22"), "", 400, "v1", ""},
		"GET compression":   {"", get("encoding=json&compression=br&message=%22%22"), "", 501, "supported: identity", ""},
		"GET codec":         {"", get("encoding=foo&message=%22%22"), "", 415, "", "Accept-Post: application/proto"},
		"GET too large":     {"", get("encoding=json&message=%22" + strings.Repeat("x", 99) + "%22"), "", 429, `"resource_exhausted"`, ""},
		"GET page":          {"", get("page=1"), "", 405, "", "Allow: POST"},
		"PUT":               {unaryJSON, func(req *transport.Request) { req.Method = "PUT" }, `""`, 405, "", "Allow: POST"},
		"unknown codec":     {"application/foo", nil, "", 415, "", "Accept-Post: application/proto, application/connect+proto"},
		"unknown stream":    {"application/connect+foo", nil, "", 415, "", ""},
		"short path":        {unaryJSON, path("/x"), "", 404, `"unimplemented"`, ""},
		"long path":         {unaryJSON, path("/x/y/z"), "", 404, `"unimplemented"`, ""},
		"empty service":     {unaryJSON, path("//y"), "", 404, `"unimplemented"`, ""},
		"not JSON":          {unaryJSON, nil, "{", 400, `"invalid_argument"`, ""},
		"at the limit":      {unaryJSON, nil, `"` + strings.Repeat("x", 98) + `"`, 200, "xxx", "Content-Length: 100"},
		"above the limit":   {unaryJSON, nil, `"` + strings.Repeat("x", 99) + `"`, 429, `"resource_exhausted"`, ""},
		"announced too big": {unaryJSON, func(req *transport.Request) { req.Length = 1 << 40 }, `""`, 429, `"resource_exhausted"`, ""},
		"announced wrongly": {unaryJSON, func(req *transport.Request) { req.Length = 1 }, `"` + strings.Repeat("x", 200) + `"`, 429, `"resource_exhausted"`, ""},
		"stream":            {streamJSON, nil, "\x00\x00\x00\x00\x02\"\"", 200, "\x00\x00\x00\x00\x02\"\"\x02\x00\x00\x00\x02{}", "Content-Type: application/connect+json"},
		"empty stream":      {streamJSON, nil, "", 200, "\x02\x00\x00\x00\x02{}", ""},
		"cut prefix":        {streamJSON, nil, "\x00\x00", 200, `{"error":{"code":"invalid_argument"`, ""},
		"cut message":       {streamJSON, nil, "\x00\x00\x00\x00\x02\"", 200, `{"error":{"code":"invalid_argument"`, ""},
		"no message":        {streamJSON, nil, "\x00\x00\x00\x00\x02", 200, `{"error":{"code":"invalid_argument"`, ""},
		"huge message":      {streamJSON, nil, "\x00\xff\xff\xff\xff", 200, `{"error":{"code":"resource_exhausted"`, ""},
		"compressed flag":   {streamJSON, nil, "\x01\x00\x00\x00\x00", 200, `{"error":{"code":"internal"`, ""},
		"end flag":          {streamJSON, nil, "\x02\x00\x00\x00\x02{}", 200, `{"error":{"code":"invalid_argument"`, ""},
		"unknown flag":      {streamJSON, nil, "\x80\x00\x00\x00\x02{}", 200, `{"error":{"code":"invalid_argument"`, ""},
	} {
		x := newExchange(row.contentType, row.body)
		if row.change != nil {
			row.change(&x.req)
		}
		connectformat.Format{}.Serve(t.Context(), x, echo{}, config(100))
		if x.status != row.status || !strings.Contains(x.String(), row.want) {
			t.Errorf("%s: got %d with %q, want %d with %q", name, x.status, x.String(), row.status, row.want)
		}
		if key, value, ok := strings.Cut(row.header, ": "); ok && !strings.Contains(x.header.Get(key), value) {
			t.Errorf("%s: header: got %q, want %q", name, x.header, row.header)
		}
	}
}

func with(key, value string) func(req *transport.Request) {
	return func(req *transport.Request) { req.Header[key] = []string{value} }
}

func path(path string) func(req *transport.Request) {
	return func(req *transport.Request) { req.Path = path }
}

// endless is a body without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestFormat_ServeStopsReadingAtTheLimit(t *testing.T) {
	const limit = 1 << 20
	x := newExchange(unaryJSON, "")
	x.body = endless{}
	connectformat.Format{}.Serve(t.Context(), x, echo{}, config(limit))
	if x.status != 429 || x.read != limit+1 {
		t.Errorf("an endless body: got status %d after %d bytes, want 429 after %d", x.status, x.read, limit+1)
	}
}

func TestFormat_Match(t *testing.T) {
	for _, row := range []struct {
		method, contentType, query string
		want                       bool
	}{
		{"POST", "application/proto", "", true},
		{"POST", "application/json; charset=utf-8", "", true},
		{"GET", "application/json", "", true},
		{"POST", "application/connect+foo", "", true},
		{"POST", "application/grpc+proto", "", false},
		{"POST", "text/plain", "", false},
		{"POST", "", "", false},
		{"GET", "", "", false},
		{"GET", "", "connect=v1&encoding=json&message=%7B%7D", true},
	} {
		req := &transport.Request{Method: row.method, Query: row.query, Header: transport.Header{}}
		if row.contentType != "" {
			req.Header.Set("Content-Type", row.contentType)
		}
		if got := (connectformat.Format{}).Match(req); got != row.want {
			t.Errorf("%s %q ?%s: got %t, want %t", row.method, row.contentType, row.query, got, row.want)
		}
	}
}

func FuzzServe(f *testing.F) {
	f.Add("POST", unaryJSON, "/a/b", "1", "1000", "", "AA", []byte(`"x"`))
	f.Add("POST", streamJSON, "/a/b", "", "", "identity", "AA==", []byte("\x00\x00\x00\x00\x02\"\"\x00\x00\x00\x00\x02\"\""))
	f.Add("POST", "application/connect+proto", "/a/b", "1", "0", "gzip", "!", []byte("\x02\x00\x00\x00\x02{}"))
	f.Add("GET", "application/proto", "/a", "2", "x", "", "", []byte("\x0a\x01x"))
	f.Fuzz(func(t *testing.T, method, contentType, path, version, timeout, encoding, bin string, body []byte) {
		for _, length := range []int64{-1, int64(len(body)), 1} {
			x := newExchange(contentType, string(body))
			x.req.Method, x.req.Path, x.req.Length = method, path, length
			for key, value := range map[string]string{
				"Connect-Protocol-Version": version, "Connect-Timeout-Ms": timeout, "Content-Encoding": encoding,
				"Connect-Content-Encoding": encoding, "X-Bin": bin,
			} {
				if value != "" {
					x.req.Header[key] = []string{value}
				}
			}
			connectformat.Format{}.Match(&x.req)
			connectformat.Format{}.Serve(t.Context(), x, echo{}, config(1<<10))
			if x.status < 200 || x.status > 599 {
				t.Errorf("got the HTTP status %d", x.status)
			}
			if x.status == 200 && strings.HasPrefix(x.header.Get("Content-Type"), "application/connect+") && !strings.Contains(x.String(), "\x02\x00\x00") {
				t.Errorf("a stream without an end: %q", x.String())
			}
			if x.status != 200 && x.Len() == 0 {
				t.Errorf("HTTP status %d without a body", x.status)
			}
		}
	})
}

func get(query string) func(*transport.Request) {
	return func(req *transport.Request) { req.Method, req.Query = "GET", query }
}
