// Package formats_test gives the same requests to our formats and to those of connect-go, which are the reference.
package formats_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/compress"
	"github.com/protomicro/micro/codec/jsoncodec"
	"github.com/protomicro/micro/codec/protocodec"
	"github.com/protomicro/micro/runtime"
)

const (
	unary  = "test.v1.Test/Unary"
	stream = "test.v1.Test/Stream"
	limit  = 1000
)

type text = wrapperspb.StringValue

// ours returns a server with a unary echo and a stream of echoes.
func ours() http.Handler {
	one := &runtime.Unary[text, text]{Name: unary, Idempotency: runtime.NoSideEffects}
	many := &runtime.BidiStream[text, text]{Name: stream}
	s := &runtime.Server{
		Codecs: codec.Codecs{protocodec.Codec{}, jsoncodec.Codec{}}, // as connect-go has them
		Limits: codec.Limits{MessageBytes: limit}, Compression: codec.Compression{Accept: codec.Compressors{compress.Gzip()}, MinBytes: -1},
	}
	s.Handle(
		one.Handler(func(_ context.Context, req *text) (*text, error) { return req, nil }),
		many.Handler(func(_ context.Context, s *runtime.Stream[text, text]) error {
			for msg, err := range s.All() {
				if err == nil {
					err = s.Send(msg)
				}
				if err != nil {
					return err
				}
			}
			return nil
		}),
	)
	return s
}

// theirs returns the same server, made of connect-go.
func theirs() http.Handler {
	options := []connect.HandlerOption{connect.WithReadMaxBytes(limit), connect.WithCompressMinBytes(1 << 30)}
	mux := http.NewServeMux()
	mux.Handle("/"+unary, connect.NewUnaryHandler("/"+unary, func(_ context.Context, req *connect.Request[text]) (*connect.Response[text], error) {
		return connect.NewResponse(req.Msg), nil
	}, append(options, connect.WithIdempotency(connect.IdempotencyNoSideEffects))...))
	mux.Handle("/"+stream, connect.NewBidiStreamHandler("/"+stream, func(_ context.Context, s *connect.BidiStream[text, text]) error {
		for {
			msg, err := s.Receive()
			if err == nil {
				err = s.Send(msg)
			}
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
		}
	}, options...))
	return mux
}

// An outcome is what a caller learns.
type outcome struct {
	HTTP     int
	Code     string   // of the error; "" for success
	Messages []string // encoded
}

// ask gives a request to a server.
func ask(h http.Handler, verb, path, query string, header http.Header, body []byte) *httptest.ResponseRecorder {
	req := httptest.NewRequest(verb, "http://localhost/"+path, bytes.NewReader(body))
	req.URL.RawQuery = query
	req.Header = header.Clone()
	req.Proto, req.ProtoMajor, req.ProtoMinor = "HTTP/2.0", 2, 0
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w
}

// envelopes cuts a body, which one of the servers has made, into messages and what the last envelope holds.
func envelopes(t *testing.T, body []byte, endFlag byte) (messages []string, end []byte) {
	t.Helper()
	for len(body) > 0 {
		n := binary.BigEndian.Uint32(body[1:])
		payload := body[5 : 5+n]
		if body[0]&1 != 0 {
			t.Fatal("a response is compressed")
		}
		if body[0]&endFlag != 0 {
			end = payload
		} else {
			messages = append(messages, string(payload))
		}
		body = body[5+n:]
	}
	return messages, end
}

func codeOf(b []byte) string {
	var wire struct {
		Code string `json:"code"`
	}
	_ = json.Unmarshal(b, &wire)
	return wire.Code
}

// FuzzConnectUnary varies whatever a unary request consists of.
func FuzzConnectUnary(f *testing.F) {
	gz := zipped("\n\x04text")
	f.Add(true, "application/proto", "", "", "", []byte("\n\x04text"))
	f.Add(true, "application/json", "1000", "identity", "", []byte(`"text"`))
	f.Add(true, "application/json; charset=utf-8", "x", "", "", []byte(`{`))
	f.Add(true, "application/proto", "", "gzip", "", gz)
	f.Add(true, "application/proto", "", "gzip", "", gz[:len(gz)-3])
	f.Add(true, "application/proto", "", "br", "", []byte("\n\x01x"))
	f.Add(true, "application/proto", "", "", "", bytes.Repeat([]byte{'x'}, limit+1))
	f.Add(false, "", "", "", "connect=v1&encoding=json&message=%22text%22", []byte{})
	f.Add(false, "", "", "", "connect=v1&encoding=proto&base64=1&message=CgR0ZXh0", []byte{})
	f.Add(false, "", "", "", "encoding=proto&compression=gzip&base64=1&message="+base64.RawURLEncoding.EncodeToString(gz), []byte{})
	a, b := ours(), theirs()
	f.Fuzz(func(t *testing.T, post bool, contentType, timeout, encoding, query string, body []byte) {
		values, err := url.ParseQuery(query)
		switch {
		case err != nil || strings.Contains(timeout+encoding+contentType, ","):
			t.Skip() // connect-go takes what can be parsed of a query, and joined fields apart
		case strings.Contains(strings.ReplaceAll(contentType, "; charset=utf-8", ""), ";"):
			t.Skip() // connect-go knows no other parameters, and we pass over them
		case !post && (!values.Has("message") || !values.Has("encoding")):
			t.Skip() // no call for us, and a bad one for connect-go
		}
		header := http.Header{}
		for key, value := range map[string]string{"Content-Type": contentType, "Connect-Timeout-Ms": timeout, "Content-Encoding": encoding} {
			if value != "" {
				header.Set(key, value)
			}
		}
		verb := http.MethodPost
		if !post {
			verb, body = http.MethodGet, nil
			header.Del("Content-Type")
			header.Del("Content-Encoding")
		}
		read := func(w *httptest.ResponseRecorder) outcome {
			o := outcome{HTTP: w.Code}
			if w.Code != http.StatusOK {
				o.Code = codeOf(w.Body.Bytes())
			} else {
				o.Messages = []string{w.Body.String()}
			}
			return o
		}
		got := read(ask(a, verb, unary, query, header, body))
		want := read(ask(b, verb, unary, query, header, body))
		badBase64 := !post && got.Code == "invalid_argument" && want.Code == "unknown" // connect-go does not say whose fault it is
		if badBase64 || excused(got, want, timeout) {
			return
		}
		if got.HTTP != want.HTTP || got.Code != want.Code || len(got.Messages) != len(want.Messages) {
			t.Errorf("%s %q, header %q, body %q: got %+v, want %+v", verb, query, header, body, got, want)
		}
	})
}

// excused tells whether the two may differ: at the end of a deadline that is over at once, either side may be first.
func excused(got, want outcome, timeout string) bool {
	return strings.Contains(got.Code+want.Code, "deadline") && strings.Trim(timeout, "0") != timeout || len(strings.TrimLeft(timeout, "0")) < 3 && timeout != ""
}

func zipped(s string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(s))
	_ = w.Close()
	return b.Bytes()
}

// hasFlag tells whether an envelope has a flag.
func hasFlag(body []byte, flag byte) bool {
	for len(body) >= 5 {
		if body[0]&flag != 0 {
			return true
		}
		n := binary.BigEndian.Uint32(body[1:])
		body = body[5:]
		body = body[min(int(n), len(body)):]
	}
	return len(body) > 0 && body[0]&flag != 0
}

// class returns one word for the codes of a stream that is malformed or has a message that is too large: no specification
// says which of them it is, nor which comes first.
func class(code string) string {
	switch code {
	case "unknown", "invalid_argument", "internal", "resource_exhausted", "2", "3", "8", "13":
		return "refused"
	}
	return code
}

// FuzzStreams gives the envelopes of a stream to Connect, gRPC and gRPC-Web.
func FuzzStreams(f *testing.F) {
	gz := zipped("\n\x04text")
	frame := func(flags byte, payload string) string {
		return string(binary.BigEndian.AppendUint32([]byte{flags}, uint32(len(payload)))) + payload
	}
	for protocol := range byte(3) {
		f.Add(protocol, false, []byte(frame(0, "\n\x04text")+frame(0, "")))
		f.Add(protocol, true, []byte(frame(1, string(gz))+frame(0, "\n\x01x")))
		f.Add(protocol, false, []byte(frame(1, string(gz))))
		f.Add(protocol, true, []byte(frame(1, "no gzip")))
		f.Add(protocol, false, []byte(frame(0, "\n\x04te")))
		f.Add(protocol, false, []byte(frame(0, "\n\x01x")[:6]))
		f.Add(protocol, false, []byte{0, 0})
		f.Add(protocol, false, []byte(frame(0, strings.Repeat("x", limit+1))))
		f.Add(protocol, false, []byte{0, 255, 255, 255, 255})
		f.Add(protocol, false, []byte(frame(2, "{}")))
		f.Add(protocol, false, []byte(frame(0x80, "")))
	}
	a, b := ours(), theirs()
	f.Fuzz(func(t *testing.T, protocol byte, compressed bool, body []byte) {
		p := []struct {
			contentType, encoding string
			endFlag               byte
		}{
			{"application/connect+proto", "Connect-Content-Encoding", 2},
			{"application/grpc+proto", "Grpc-Encoding", 0},
			{"application/grpc-web+proto", "Grpc-Encoding", 0x80},
		}[protocol%3]
		header := http.Header{"Content-Type": {p.contentType}, "Te": {"trailers"}}
		if compressed {
			header.Set(p.encoding, "gzip")
		}
		if hasFlag(body, p.endFlag) {
			t.Skip() // the end that only servers send: connect-go takes it for the end of the request, and we refuse it
		}
		read := func(w *httptest.ResponseRecorder) outcome {
			o := outcome{HTTP: w.Code}
			messages, end := envelopes(t, w.Body.Bytes(), p.endFlag)
			o.Messages = messages
			switch p.endFlag {
			case 2:
				var wire struct{ Error json.RawMessage }
				_ = json.Unmarshal(end, &wire)
				o.Code = codeOf(wire.Error)
			case 0:
				o.Code = w.Result().Trailer.Get("Grpc-Status")
			default:
				for line := range strings.Lines(string(end)) {
					if value, ok := strings.CutPrefix(strings.ToLower(line), "grpc-status:"); ok {
						o.Code = strings.TrimSpace(value)
					}
				}
			}
			if o.Code == "" {
				o.Code = w.Header().Get("Grpc-Status")
			}
			return o
		}
		got := read(ask(a, http.MethodPost, stream, "", header, body))
		want := read(ask(b, http.MethodPost, stream, "", header, body))
		got.Code, want.Code = class(got.Code), class(want.Code)
		if hasFlag(body, ^(1|p.endFlag)) && got.Code != "" && want.Code != "" && got.Code != "0" && want.Code != "0" {
			return // both refuse it, for one reason or another
		}
		if got.HTTP != want.HTTP || got.Code != want.Code || strings.Join(got.Messages, "|") != strings.Join(want.Messages, "|") {
			t.Errorf("%s, compressed %t, body %q: got %+v, want %+v", p.contentType, compressed, body, got, want)
		}
	})
}
