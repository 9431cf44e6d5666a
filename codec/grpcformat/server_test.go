package grpcformat_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"io"
	"maps"
	"math"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/compress"
	"github.com/protomicro/micro/codec/grpcformat"
	"github.com/protomicro/micro/codec/jsoncodec"
	"github.com/protomicro/micro/codec/protocodec"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport"
)

const (
	grpcJSON = "application/grpc+json"
	webJSON  = "application/grpc-web+json"
	textJSON = "application/grpc-web-text+json"
)

// An exchange is a transport.Exchange that keeps the response.
type exchange struct {
	req             transport.Request
	body            io.Reader
	read            int
	status          int
	header, trailer transport.Header
	bytes.Buffer
}

func newExchange(contentType, body string) *exchange {
	return &exchange{
		req: transport.Request{
			Method: "POST", Path: "/test.v1.Test/Echo", Header: transport.Header{"Content-Type": {contentType}}, Length: -1, Major: 2, Peer: "test",
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
	x.status, x.header = status, maps.Clone(header)
	return nil
}

func (x *exchange) Flush() error                        { return nil }
func (x *exchange) SetTrailer(trailer transport.Header) { x.trailer = trailer }
func (x *exchange) SetReadDeadline(time.Time) error     { return nil }
func (x *exchange) SetWriteDeadline(time.Time) error    { return nil }

// outcome returns what ends the response: its trailers, or the only ones in its head or at the end of its body.
func (x *exchange) outcome(t *testing.T) transport.Header {
	t.Helper()
	contentType := x.header.Get("Content-Type")
	switch {
	case x.header.Get("Grpc-Status") != "":
		if x.trailer != nil || x.Len() > 0 {
			t.Errorf("the response goes on after its outcome: %q, %q", x.trailer, x.String())
		}
		return x.header
	case !strings.HasPrefix(contentType, "application/grpc-web"):
		return x.trailer
	}
	body := x.String()
	if strings.HasPrefix(contentType, "application/grpc-web-text") {
		body = unText(t, body)
	}
	h := transport.Header{}
	for len(body) >= 5 {
		n := int(binary.BigEndian.Uint32([]byte(body[1:5])))
		if body[0] == 0x80 {
			for line := range strings.SplitSeq(strings.TrimSuffix(body[5:5+n], "\r\n"), "\r\n") {
				key, value, _ := strings.Cut(line, ": ")
				if key != strings.ToLower(key) {
					t.Errorf("the trailer %q is not in lower case", key)
				}
				h.Add(key, value)
			}
		}
		body = body[5+n:]
	}
	return h
}

// unText decodes base64 in padded chunks.
func unText(t *testing.T, body string) string {
	t.Helper()
	var out []byte
	for len(body) > 0 {
		b, err := base64.StdEncoding.DecodeString(body[:4])
		if err != nil {
			t.Fatalf("the response is not base64: %v", err)
		}
		out, body = append(out, b...), body[4:]
	}
	return string(out)
}

// A serveFunc is a codec.Handler.
type serveFunc func(ctx context.Context, call *codec.Call, r codec.Responder)

func (f serveFunc) ServeCall(ctx context.Context, call *codec.Call, r codec.Responder) {
	f(ctx, call, r)
}

// echo answers each message with itself.
func echo(_ context.Context, _ *codec.Call, r codec.Responder) {
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
	return codec.Config{
		Codecs:      codec.Codecs{protocodec.Codec{}, jsoncodec.Codec{}},
		Limits:      codec.Limits{MessageBytes: limit},
		Compression: codec.Compression{Accept: compress.All(), MinBytes: 20},
	}
}

func envelope(flags byte, payload string) string {
	return string(binary.BigEndian.AppendUint32([]byte{flags}, uint32(len(payload)))) + payload
}

func zipped(t testing.TB, text string) string {
	t.Helper()
	b, err := compress.Gzip().Compress(nil, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func text(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// formatOf returns the format that a server would choose.
func formatOf(t testing.TB, req *transport.Request) codec.HTTPFormat {
	t.Helper()
	for _, format := range []codec.HTTPFormat{grpcformat.Format{}, grpcformat.Web{}} {
		if format.Match(req) {
			return format
		}
	}
	return nil
}

func with(pairs ...string) func(req *transport.Request) {
	return func(req *transport.Request) {
		for i := 0; i < len(pairs); i += 2 {
			req.Header[pairs[i]] = append(req.Header[pairs[i]], pairs[i+1])
		}
	}
}

func path(path string) func(req *transport.Request) {
	return func(req *transport.Request) { req.Path = path }
}

func method(method string) func(req *transport.Request) {
	return func(req *transport.Request) { req.Method = method }
}

func TestFormats_Serve(t *testing.T) {
	const limit = 1000
	long := `"` + strings.Repeat("x", 600) + `"`
	bomb := zipped(t, `"`+strings.Repeat("x", 1<<20)+`"`)
	one := envelope(0, `"text"`)
	for name, row := range map[string]struct {
		change func(req *transport.Request)
		body   string
		status int
		code   string
		want   string // contained in the body
		header string // "Key: value" that is contained in the header
	}{
		"one":               {nil, one, 200, "0", one, "Content-Type: application/grpc"},
		"two":               {nil, one + envelope(0, `"more"`), 200, "0", one + envelope(0, `"more"`), ""},
		"none":              {nil, "", 200, "0", "", ""},
		"wrong verb":        {method("DELETE"), one, 405, "12", "", "Allow: POST"},
		"GET":               {method("GET"), "", 405, "12", "", "Allow: POST"},
		"short path":        {path("/x"), one, 200, "12", "", ""},
		"long path":         {path("/x/y/z"), one, 200, "12", "", ""},
		"empty service":     {path("//y"), one, 200, "12", "", ""},
		"unrooted path":     {path("*"), one, 200, "12", "", ""},
		"timeout":           {with("Grpc-Timeout", "99999999H"), one, 200, "0", one, ""},
		"long timeout":      {with("Grpc-Timeout", "100000000n"), one, 200, "13", "", ""},
		"no unit":           {with("Grpc-Timeout", "10"), one, 200, "13", "", ""},
		"other unit":        {with("Grpc-Timeout", "10s"), one, 200, "13", "", ""},
		"no number":         {with("Grpc-Timeout", "S"), one, 200, "13", "", ""},
		"empty timeout":     {with("Grpc-Timeout", ""), one, 200, "13", "", ""},
		"signed timeout":    {with("Grpc-Timeout", "+1S"), one, 200, "13", "", ""},
		"negative timeout":  {with("Grpc-Timeout", "-1S"), one, 200, "13", "", ""},
		"two timeouts":      {with("Grpc-Timeout", "1S", "Grpc-Timeout", "2S"), one, 200, "13", "", ""},
		"bad metadata":      {with("X-Bin", "!"), one, 200, "3", "", ""},
		"padded metadata":   {with("X-Bin", "AA=="), one, 200, "0", one, ""},
		"unpadded metadata": {with("X-Bin", "AA"), one, 200, "0", one, ""},
		"not JSON":          {nil, envelope(0, "{"), 200, "3", "", ""},
		"cut prefix":        {nil, one + "\x00\x00", 200, "13", one, ""},
		"cut message":       {nil, "\x00\x00\x00\x00\x02\"", 200, "13", "", ""},
		"no message":        {nil, "\x00\x00\x00\x00\x02", 200, "13", "", ""},
		"huge message":      {nil, "\x00\xff\xff\xff\xff", 200, "8", "", ""},
		"at the limit":      {nil, envelope(0, `"`+strings.Repeat("x", limit-2)+`"`), 200, "0", "xxx", ""},
		"above the limit":   {nil, envelope(0, `"`+strings.Repeat("x", limit-1)+`"`), 200, "8", "", ""},
		"trailer flag":      {nil, envelope(0x80, "grpc-status: 0\r\n"), 200, "13", "", ""},
		"unknown flag":      {nil, envelope(2, `""`), 200, "13", "", ""},
		"compressed flag":   {nil, envelope(1, `""`), 200, "13", "", ""},
		"identity, flag":    {with("Grpc-Encoding", "identity"), envelope(1, `""`), 200, "13", "", ""},
		"identity":          {with("Grpc-Encoding", "identity"), one, 200, "0", one, ""},
		"unknown encoding":  {with("Grpc-Encoding", "br"), one, 200, "12", "", "Grpc-Accept-Encoding: gzip,zstd,snappy"},
		"two encodings":     {with("Grpc-Encoding", "gzip", "Grpc-Encoding", "gzip"), one, 200, "12", "", ""},
		"gzip":              {with("Grpc-Encoding", "gzip"), envelope(1, zipped(t, `"text"`)), 200, "0", one, "Grpc-Accept-Encoding: gzip"},
		"gzip, plain":       {with("Grpc-Encoding", "gzip"), one, 200, "0", one, "Grpc-Encoding: gzip"},
		"gzip, long":        {with("Grpc-Encoding", "gzip"), envelope(0, long), 200, "0", envelope(1, zipped(t, long)), "Grpc-Encoding: gzip"},
		"gzip, damaged":     {with("Grpc-Encoding", "gzip"), envelope(1, "text"), 200, "13", "", ""},
		"gzip, bomb":        {with("Grpc-Encoding", "gzip"), envelope(1, bomb[:90]), 200, "8", "", ""},
		"accepts":           {with("Grpc-Accept-Encoding", "br, gzip,zstd"), envelope(0, long), 200, "0", envelope(1, zipped(t, long)), "Grpc-Encoding: gzip"},
		"accepts own":       {with("Grpc-Accept-Encoding", "zstd,gzip", "Grpc-Encoding", "gzip"), envelope(0, long), 200, "0", envelope(1, zipped(t, long)), "Grpc-Encoding: gzip"},
		"accepts none":      {with("Grpc-Accept-Encoding", "identity", "Grpc-Encoding", "gzip"), envelope(0, long), 200, "0", envelope(0, long), ""},
	} {
		for _, contentType := range []string{grpcJSON, webJSON, textJSON} {
			body := row.body
			if contentType == textJSON {
				body = text(body)
			}
			x := newExchange(contentType, body)
			if row.change != nil {
				row.change(&x.req)
			}
			formatOf(t, &x.req).Serve(t.Context(), x, serveFunc(echo), config(limit))
			got := x.String()
			if contentType == textJSON {
				got = unText(t, got)
			}
			if x.status != row.status || !strings.HasPrefix(got, row.want) && !strings.Contains(got, row.want) {
				t.Errorf("%s, %s: got %d with %q, want %d with %q", name, contentType, x.status, got, row.status, row.want)
			}
			if code := x.outcome(t).Get("Grpc-Status"); code != row.code {
				t.Errorf("%s, %s: got the grpc-status %q, want %q: %s", name, contentType, code, row.code, x.outcome(t).Get("Grpc-Message"))
			}
			if key, value, ok := strings.Cut(row.header, ": "); ok && !strings.HasPrefix(x.header.Get(key), value) {
				t.Errorf("%s, %s: header: got %q, want %q", name, contentType, x.header, row.header)
			}
		}
	}
}

func TestFormats_ServeRefusesOthers(t *testing.T) {
	for _, row := range []struct {
		contentType string
		major       int
		want        int
	}{
		{"application/grpc", 1, 505},
		{"application/grpc-web", 1, 200},
		{"application/grpc-web-text", 1, 200},
		{"application/grpc; charset=utf-8", 2, 200},
		{"Application/GRPC+Proto", 2, 200},
		{"application/grpc+foo", 2, 415},
		{"application/grpc+", 2, 415},
		{"application/grpc-web+foo", 1, 415},
		{"application/grpc-web-text+foo", 1, 415},
	} {
		x := newExchange(row.contentType, "")
		x.req.Major = row.major
		formatOf(t, &x.req).Serve(t.Context(), x, serveFunc(echo), config(100))
		if x.status != row.want {
			t.Errorf("%s over HTTP/%d: got %d, want %d", row.contentType, row.major, x.status, row.want)
		}
		if code := x.outcome(t).Get("Grpc-Status"); (code == "0") != (row.want == 200) || code == "" {
			t.Errorf("%s over HTTP/%d: got the grpc-status %q with HTTP status %d", row.contentType, row.major, code, x.status)
		}
	}
}

func TestFormats_Match(t *testing.T) {
	for contentType, want := range map[string]string{
		"application/grpc":              "grpc",
		"application/grpc+json":         "grpc",
		"APPLICATION/GRPC; x=y":         "grpc",
		"application/grpc-web":          "grpcweb",
		"application/grpc-web+foo":      "grpcweb",
		"application/grpc-web-text":     "grpcweb",
		"application/grpc-web-text+bar": "grpcweb",
		"application/grpcs":             "",
		"application/grpc-webs":         "",
		"application/proto":             "",
		"":                              "",
	} {
		got := ""
		if format := formatOf(t, &transport.Request{Method: "POST", Header: transport.Header{"Content-Type": {contentType}}}); format != nil {
			got = format.Name()
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", contentType, got, want)
		}
	}
}

func TestWeb_ServeAnswersInTheFormThatIsAccepted(t *testing.T) {
	for _, row := range []struct{ contentType, accept, want string }{
		{webJSON, "", webJSON},
		{textJSON, "", textJSON},
		{webJSON, "application/grpc-web-text", textJSON},
		{textJSON, "application/grpc-web+json, */*", webJSON},
		{textJSON, "*/*", textJSON},
	} {
		body := envelope(0, `""`)
		if row.contentType == textJSON {
			body = text(body)
		}
		x := newExchange(row.contentType, body)
		x.req.Major = 1
		x.req.Header["Accept"] = []string{row.accept}
		grpcformat.Web{}.Serve(t.Context(), x, serveFunc(echo), config(100))
		if got := x.header.Get("Content-Type"); got != row.want || x.outcome(t).Get("Grpc-Status") != "0" {
			t.Errorf("%s accepting %q: got %s with %q, want %s", row.contentType, row.accept, got, x.String(), row.want)
		}
	}
}

func TestWeb_ServeReadsTextInAnyPieces(t *testing.T) {
	one := envelope(0, `"text"`)
	for name, row := range map[string]struct{ body, code string }{
		"whole":          {text(one), "0"},
		"chunks":         {text(one[:1]) + text(one[1:5]) + text(one[5:]), "0"},
		"two messages":   {text(one+one[:2]) + text(one[2:]), "0"},
		"cut group":      {text(one) + "AA", "13"},
		"garbage":        {"!!!!", "13"},
		"padding alone":  {"====", "13"},
		"line breaks":    {text(one)[:4] + "\r\n" + text(one)[4:], "13"},
		"four breaks":    {text(one)[:4] + "\n\n\n\n" + text(one)[4:], "13"},
		"padded too far": {text(one) + "A===", "13"},
	} {
		for reader, wrap := range map[string]func(io.Reader) io.Reader{
			"whole": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader, "halves": iotest.HalfReader, "with the end": iotest.DataErrReader,
		} {
			x := newExchange(textJSON, "")
			x.body = wrap(strings.NewReader(row.body))
			grpcformat.Web{}.Serve(t.Context(), x, serveFunc(echo), config(100))
			if got := x.outcome(t).Get("Grpc-Status"); got != row.code {
				t.Errorf("%s, %s: got the grpc-status %q, want %q: %q", name, reader, got, row.code, unText(t, x.String()))
			}
		}
	}
}

// An empty reader yields nothing, and no error.
type empty struct{ reads int }

func (e *empty) Read([]byte) (int, error) {
	e.reads++
	return 0, nil
}

func TestFormats_ServeGivesUpWithoutProgress(t *testing.T) {
	for _, contentType := range []string{grpcJSON, webJSON, textJSON} {
		x, body := newExchange(contentType, ""), &empty{}
		x.body = body
		formatOf(t, &x.req).Serve(t.Context(), x, serveFunc(echo), config(100))
		if code := x.outcome(t).Get("Grpc-Status"); body.reads != 100 || code == "0" || code == "" {
			t.Errorf("%s: got %d reads and the grpc-status %q, want 100 and an error", contentType, body.reads, code)
		}
	}
}

func TestFormats_ServeReadsTheHead(t *testing.T) {
	var got codec.Call
	h := serveFunc(func(_ context.Context, call *codec.Call, r codec.Responder) {
		got = *call
		_ = r.SetHeader(codec.Meta{{Key: "x-kept", Value: "1"}, {Key: "grpc-own", Value: "1"}})
		_ = r.SetTrailer(codec.Meta{{Key: "x-end", Value: "1"}, {Key: "grpc-status", Value: "7"}})
		_ = r.Finish(wrapperspb.String(""), nil)
	})
	for _, contentType := range []string{grpcJSON, webJSON, textJSON} {
		x := newExchange(contentType, "")
		with("Grpc-Timeout", "0S", "Grpc-Previous-Rpc-Attempts", "3", "Grpc-Tags-Bin", "AA", "X-Bin",
			base64.StdEncoding.EncodeToString([]byte("one"))+", "+base64.RawStdEncoding.EncodeToString([]byte("four")))(&x.req)
		formatOf(t, &x.req).Serve(t.Context(), x, h, config(100))
		if got.Timeout <= 0 || got.Timeout > time.Millisecond {
			t.Errorf("%s: a timeout of 0 s: got %v, want one that ends at once", contentType, got.Timeout)
		}
		if got.Method != "test.v1.Test/Echo" || got.Kind != codec.AnyKind || got.Peer != "test" || got.Codec.Name() != "json" || got.Format != formatOf(t, &x.req).Name() {
			t.Errorf("%s: got the call %+v", contentType, got)
		}
		if values := got.Header.Values("x-bin"); len(values) != 2 || values[0] != "one" || values[1] != "four" {
			t.Errorf("%s: joined values: got %q, want one and four", contentType, values)
		}
		if got.Attempts != 3 || got.Header.Get("grpc-tags-bin") != "" || got.Header.Get("grpc-timeout") != "" {
			t.Errorf("%s: got the metadata %q", contentType, got.Header)
		}
		outcome := x.outcome(t)
		if x.header.Get("X-Kept") != "1" || x.header.Get("Grpc-Own") != "" || outcome.Get("X-End") != "1" || outcome.Get("Grpc-Status") != "0" {
			t.Errorf("%s: got the header %q and the outcome %q", contentType, x.header, outcome)
		}
	}
}

func TestFormats_ServeEndsWithTrailersAlone(t *testing.T) {
	fail := status.Errorf(status.NotFound, " 50%% of é😀\n ").With(durationpb.New(7))
	for name, row := range map[string]struct {
		serve func(r codec.Responder)
		alone bool
	}{
		"an error":        {func(codec.Responder) {}, true},
		"after a message": {func(r codec.Responder) { _ = r.Send(wrapperspb.String("")) }, false},
		"with metadata":   {func(r codec.Responder) { _ = r.SetHeader(codec.Meta{{Key: "x-early", Value: "1"}}) }, false},
		"with trailers":   {func(r codec.Responder) { _ = r.SetTrailer(codec.Meta{{Key: "x-late", Value: "1"}}) }, true},
	} {
		for _, contentType := range []string{grpcJSON, webJSON, textJSON} {
			x := newExchange(contentType, "")
			formatOf(t, &x.req).Serve(t.Context(), x, serveFunc(func(_ context.Context, _ *codec.Call, r codec.Responder) {
				row.serve(r)
				_ = r.Finish(nil, fail)
			}), config(100))
			if alone := x.header.Get("Grpc-Status") != ""; alone != (row.alone && contentType == grpcJSON) {
				t.Errorf("%s, %s: got the outcome in the head: %t, want the opposite", name, contentType, alone)
			}
			outcome := x.outcome(t)
			if x.status != 200 || outcome.Get("Grpc-Status") != "5" || outcome.Get("Grpc-Message") != "%2050%25 of %C3%A9%F0%9F%98%80%0A%20" {
				t.Errorf("%s, %s: got %d with the outcome %q", name, contentType, x.status, outcome)
			}
			if b, err := base64.RawStdEncoding.DecodeString(outcome.Get("Grpc-Status-Details-Bin")); err != nil || len(b) == 0 {
				t.Errorf("%s, %s: got the details %q, %v", name, contentType, b, err)
			}
		}
	}
}

func TestFormats_ServeSendsOnlyCodesThatGRPCHas(t *testing.T) {
	for code, want := range map[status.Code]string{status.OK: "2", status.Canceled: "1", status.Unauthenticated: "16", 17: "2", math.MaxUint32: "2"} {
		x := newExchange(grpcJSON, "")
		grpcformat.Format{}.Serve(t.Context(), x, serveFunc(func(_ context.Context, _ *codec.Call, r codec.Responder) {
			_ = r.Finish(nil, &status.Error{Code: code})
			if err := r.Finish(nil, nil); err == nil {
				t.Error("a second Finish: got no error")
			}
		}), config(100))
		if got := x.outcome(t).Get("Grpc-Status"); got != want {
			t.Errorf("code %d: got the grpc-status %q, want %q", code, got, want)
		}
	}
}
