package grpcformat_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"maps"
	"net/textproto"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/compress"
	"github.com/protomicro/micro/codec/grpcformat"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport"
)

// A direct RoundTripper has a handler serve each request that comes with its body, at once.
type direct struct {
	t        testing.TB
	h        codec.Handler
	cfg      codec.Config
	request  *exchange // the last one
	sent     []byte    // its body
	response *canned
}

func (d *direct) Open(ctx context.Context, req *transport.Request, body []byte) (transport.Trip, error) {
	d.sent = bytes.Clone(body)
	d.request = &exchange{req: *req, body: bytes.NewReader(d.sent)}
	d.request.req.Major, d.request.req.Peer = 2, "direct"
	formatOf(d.t, req).Serve(ctx, d.request, d.h, d.cfg)
	d.response = &canned{status: d.request.status, header: d.request.header, trailer: d.request.trailer, body: d.request.String()}
	return d.response.Open(ctx, req, body)
}

func (*direct) Close() error { return nil }

func formats() []codec.HTTPFormat {
	return []codec.HTTPFormat{grpcformat.Format{}, grpcformat.Web{}, grpcformat.Web{Text: true}}
}

func TestFormats_Compress(t *testing.T) {
	long := strings.Repeat("x", 600)
	for _, format := range formats() {
		for _, row := range []struct {
			send, text          string
			minBytes            int
			request, compressed bool
		}{
			{"", "short", 0, false, false},
			{"", long, 20, false, true},
			{"gzip", long, 20, true, true},
			{"zstd", long, 20, true, true},
			{"snappy", long, 20, true, true},
			{"gzip", "short", 20, false, false},
			{"gzip", long, -1, false, false},
		} {
			cfg := config(1000)
			cfg.Compression.Send, cfg.Compression.MinBytes = row.send, row.minBytes
			d := &direct{t: t, cfg: cfg, h: serveFunc(func(_ context.Context, _ *codec.Call, r codec.Responder) {
				msg := &wrapperspb.StringValue{}
				if err := r.Recv(msg); err != nil {
					t.Errorf("%s, %q: Recv: %v", format.Name(), row.send, err)
				}
				_ = r.Finish(msg, nil)
			})}
			conn := format.Dial(d, cfg)
			s, err := conn.Open(t.Context(), &codec.Call{Method: "a.B/C", Codec: cfg.Codecs[1]})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Finish(wrapperspb.String(row.text), nil); err != nil {
				t.Fatal(err)
			}
			msg := &wrapperspb.StringValue{}
			if err := s.Recv(msg); err != nil || msg.GetValue() != row.text {
				t.Errorf("%s, %q: got %q, %v, want %q", format.Name(), row.send, msg.GetValue(), err, row.text)
			}
			if got := d.request.req.Header.Get("Grpc-Encoding"); got != row.send {
				t.Errorf("%s: the request has the grpc-encoding %q, want %q", format.Name(), got, row.send)
			}
			sent, received := string(d.sent), d.response.body
			if format == (grpcformat.Web{Text: true}) {
				sent, received = unText(t, sent), unText(t, received)
			}
			if sent[0]&1 == 1 != row.request || received[0]&1 == 1 != row.compressed {
				t.Errorf("%s, %q, %d bytes: got the flags %d and %d", format.Name(), row.send, len(row.text), sent[0], received[0])
			}
			wanted := ""
			if row.compressed {
				wanted = row.send
				if wanted == "" {
					wanted = "gzip"
				}
			}
			if got := d.response.header.Get("Grpc-Encoding"); got != wanted {
				t.Errorf("%s, %q, %d bytes: the response has the grpc-encoding %q, want %q", format.Name(), row.send, len(row.text), got, wanted)
			}
			_ = conn.Close()
		}
	}
	cfg := config(100)
	cfg.Compression.Send = "br"
	conn := grpcformat.Format{}.Dial(&canned{}, cfg)
	if _, err := conn.Open(t.Context(), &codec.Call{Method: "a.B/C", Codec: cfg.Codecs[0]}); status.CodeOf(err) != status.Internal {
		t.Errorf("a compression that is not there: got %v, want Internal", err)
	}
}

func FuzzServe(f *testing.F) {
	f.Add("POST", grpcJSON, "/a/b", "1S", "", "AA", envelope(0, `"x"`))
	f.Add("POST", webJSON, "/a/b", "1000000n", "gzip", "AA==", envelope(1, `"x"`)+envelope(0, `"x"`))
	f.Add("POST", textJSON, "/a/b", "", "identity", "!", text(envelope(0, `"x"`)))
	f.Add("GET", "application/grpc", "/a", "x", "br", "", "")
	f.Fuzz(func(t *testing.T, method, contentType, path, timeout, encoding, bin, body string) {
		var outcomes []string
		for _, wrap := range []func(io.Reader) io.Reader{func(r io.Reader) io.Reader { return r }, iotest.OneByteReader} {
			x := newExchange(contentType, body)
			x.body = wrap(x.body)
			x.req.Method, x.req.Path = method, path
			for key, value := range map[string]string{"Grpc-Timeout": timeout, "Grpc-Encoding": encoding, "X-Bin": bin} {
				if value != "" {
					x.req.Header[key] = []string{value}
				}
			}
			format := formatOf(t, &x.req)
			if format == nil {
				return
			}
			if n := len(timeout); n > 0 && strings.ContainsAny(timeout[n-1:], "num") {
				timeout = "" // how far such a call comes depends on the clock
				delete(x.req.Header, "Grpc-Timeout")
			}
			format.Serve(t.Context(), x, serveFunc(echo), config(1<<10))
			if x.status != 200 && x.status != 405 && x.status != 415 {
				t.Errorf("got the HTTP status %d", x.status)
			}
			outcome := x.outcome(t)
			code, err := strconv.ParseUint(outcome.Get("Grpc-Status"), 10, 8)
			if err != nil || code > 16 || len(outcome["Grpc-Status"]) != 1 || x.status != 200 && code == 0 {
				t.Errorf("got the outcome %q with the HTTP status %d", outcome, x.status)
			}
			outcomes = append(outcomes, outcome.Get("Grpc-Status"))
		}
		if outcomes[0] != outcomes[1] {
			t.Errorf("got the grpc-status %s for the body as a whole, and %s for its bytes", outcomes[0], outcomes[1])
		}
	})
}

func FuzzDial(f *testing.F) {
	f.Add(200, grpcJSON, "", envelope(0, `"x"`), "0", "", "")
	f.Add(200, webJSON, "gzip", envelope(0, `"x"`)+envelope(0x80, "grpc-status: 0\r\n"), "", "", "")
	f.Add(200, textJSON, "", text(envelope(0x80, "grpc-status: 5\r\nx-bin: AA\r\n")), "", "", "")
	f.Add(503, "text/html", "", "<html>", "5", "%e4%b8%96", details(5, "m"))
	f.Fuzz(func(t *testing.T, httpStatus int, contentType, encoding, body, code, message, full string) {
		outcome := head("Grpc-Status", code, "Grpc-Message", message, "Grpc-Status-Details-Bin", full)
		for _, format := range formats() {
			rt := &canned{status: max(httpStatus, 100), header: head("Content-Type", contentType), body: body, trailer: outcome}
			if encoding != "" {
				rt.header["Grpc-Encoding"] = []string{encoding}
			}
			if len(body) == 0 {
				rt.trailer = nil
				maps.Copy(rt.header, outcome)
			}
			texts, trailer, err := call(t, format, rt, codec.Call{Kind: codec.ServerStream})
			if err != io.EOF {
				e, ok := errors.AsType[*status.Error](err)
				if len(texts) < 10 && (!ok || e.Code == status.OK || e.Code > status.Unauthenticated || !utf8.ValidString(e.Message)) {
					t.Errorf("%s: got the error %#v", format.Name(), err)
				}
			}
			for _, field := range trailer {
				if codec.Reserved(field.Key) {
					t.Errorf("%s: got the trailer %q", format.Name(), field.Key)
				}
			}
		}
	})
}

// What a handler returns comes to the client as it was, through any of the variants.
func FuzzOutcome(f *testing.F) {
	f.Add(uint32(5), "m", "type.googleapis.com/a.B", []byte("x"), "value", int64(time.Second))
	f.Add(uint32(0), "", "", []byte{}, "", int64(0))
	f.Add(uint32(99), " 100% \xff é😀\r\n", "\xff", []byte{0}, "two words", int64(1))
	f.Fuzz(func(t *testing.T, code uint32, message, typeURL string, value []byte, text string, timeout int64) {
		fail := &status.Error{Code: status.Code(code), Message: message, Details: []*anypb.Any{{TypeUrl: typeURL, Value: value}}}
		meta := codec.Meta{{Key: "x-bin", Value: string(value)}}
		if (codec.Meta{{Key: "x-text", Value: text}}).Check() == nil && textproto.TrimString(text) == text {
			meta = append(meta, codec.Field{Key: "x-text", Value: text})
		}
		for _, format := range formats() {
			d := &direct{t: t, cfg: config(100), h: serveFunc(func(_ context.Context, call *codec.Call, r codec.Responder) {
				if timeout > 0 && (call.Timeout > time.Duration(timeout) || call.Timeout < time.Duration(timeout)-time.Duration(timeout)/1000) {
					t.Errorf("%s: the timeout %d came as %d", format.Name(), timeout, call.Timeout)
				}
				_ = r.SetTrailer(meta)
				_ = r.Finish(nil, fail)
			})}
			_, trailer, err := callWith(t, format, d, max(time.Duration(timeout), 0))
			got, ok := errors.AsType[*status.Error](err)
			want := fail.Code
			if want == status.OK || want > status.Unauthenticated {
				want = status.Unknown
			}
			if !ok || got.Code != want || got.Message != strings.ToValidUTF8(message, "\uFFFD") {
				t.Errorf("%s: got %v, want %v with %q", format.Name(), err, want, message)
				continue
			}
			if utf8.ValidString(typeURL) && (len(got.Details) != 1 || !proto.Equal(got.Details[0], fail.Details[0])) {
				t.Errorf("%s: got the details %v, want %v", format.Name(), got.Details, fail.Details)
			}
			for _, field := range meta {
				if trailer.Get(field.Key) != field.Value {
					t.Errorf("%s: got the trailers %q, want %q", format.Name(), trailer, meta)
				}
			}
		}
	})
}

// callWith makes a call with a timeout that does not end it.
func callWith(t *testing.T, format codec.HTTPFormat, rt transport.RoundTripper, timeout time.Duration) ([]string, codec.Meta, error) {
	t.Helper()
	return call(t, format, rt, codec.Call{Timeout: timeout})
}

// FuzzText holds the reader of text against decoding group by group.
func FuzzText(f *testing.F) {
	f.Add([]byte(text(envelope(0, `"x"`))), 3)
	f.Add([]byte(text("\x00\x00\x00")+text("\x00\x02\"\"")+"===="), 7)
	f.Add([]byte("AAAB\r\n\r\nAAAA"), 1)
	f.Fuzz(func(t *testing.T, body []byte, pieces int) {
		var plain []byte
		valid := len(body)%4 == 0
		for i := 0; i+4 <= len(body) && valid; i += 4 {
			b, err := base64.StdEncoding.DecodeString(string(body[i : i+4]))
			valid = err == nil && !bytes.ContainsAny(body[i:i+4], "\r\n")
			plain = append(plain, b...)
		}
		if !valid {
			plain = nil
		}
		want, got := newExchange(webJSON, string(plain)), newExchange(textJSON, "")
		grpcformat.Web{}.Serve(t.Context(), want, serveFunc(echo), config(1<<10))
		got.body = &inPieces{body, max(pieces, 1)}
		grpcformat.Web{}.Serve(t.Context(), got, serveFunc(echo), config(1<<10))
		wantCode, gotCode := want.outcome(t).Get("Grpc-Status"), got.outcome(t).Get("Grpc-Status")
		if valid && (gotCode != wantCode || unText(t, got.String()) != want.String()) {
			t.Errorf("got the grpc-status %s, want %s", gotCode, wantCode)
		}
		if !valid && gotCode == "0" {
			t.Error("a body that is not base64: got the grpc-status 0")
		}
	})
}

// An inPieces reader yields so many bytes at a time.
type inPieces struct {
	b []byte
	n int
}

func (r *inPieces) Read(p []byte) (int, error) {
	if len(r.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.b[:min(r.n, len(r.b))])
	r.b = r.b[n:]
	return n, nil
}

// What is accepted is inflated no further than the limit.
func TestFormats_ServeStopsABomb(t *testing.T) {
	bomb := zipped(t, strings.Repeat("\x00", 64<<20))
	limited := &counting{Compressor: compress.Gzip()}
	for _, format := range formats() {
		contentType, body := grpcJSON, envelope(1, bomb)
		switch format {
		case grpcformat.Web{}:
			contentType = webJSON
		case grpcformat.Web{Text: true}:
			contentType, body = textJSON, text(body)
		}
		x := newExchange(contentType, body)
		x.req.Header["Grpc-Encoding"] = []string{"gzip"}
		cfg := config(1 << 20)
		cfg.Compression.Accept = codec.Compressors{limited}
		format.Serve(t.Context(), x, serveFunc(echo), cfg)
		if got := x.outcome(t).Get("Grpc-Status"); got != "8" || limited.limit != 1<<20 || limited.inflated > 1<<20+1 {
			t.Errorf("%s: got the grpc-status %s after %d bytes with the limit %d", format.Name(), got, limited.inflated, limited.limit)
		}
	}
}

// A counting Compressor keeps how much it has inflated at last.
type counting struct {
	codec.Compressor
	limit, inflated int
}

func (c *counting) Decompress(dst, src []byte, limit int) ([]byte, error) {
	out, err := c.Compressor.Decompress(dst, src, limit)
	c.limit, c.inflated = limit, len(out)-len(dst)
	return out, err
}
