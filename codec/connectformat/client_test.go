package connectformat_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/connectformat"
	"github.com/protomicro/micro/codec/jsoncodec"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport"
	"github.com/protomicro/micro/transport/httptransport"
)

// A canned response is a transport.RoundTripper that always gives it.
type canned struct {
	status int
	header transport.Header
	body   string
	req    *transport.Request // the last one
}

func (c *canned) Open(_ context.Context, req *transport.Request, _ []byte) (transport.Trip, error) {
	c.req = req
	return &cannedTrip{c, strings.NewReader(c.body)}, nil
}

func (*canned) Close() error { return nil }

type cannedTrip struct {
	*canned
	io.Reader
}

func (*cannedTrip) Write(p []byte) (int, error)                { return len(p), nil }
func (*cannedTrip) CloseWrite() error                          { return nil }
func (t *cannedTrip) Response() (int, transport.Header, error) { return t.status, t.header, nil }
func (*cannedTrip) Trailer() transport.Header                  { return nil }

// call makes a call and receives up to n messages. It returns the error that ended it.
func call(t *testing.T, rt transport.RoundTripper, kind codec.Kind) (texts []string, trailer codec.Meta, err error) {
	t.Helper()
	conn := connectformat.Format{}.Dial(rt, config(100))
	defer func() { _ = conn.Close() }()
	s, err := conn.Open(t.Context(), &codec.Call{Method: "a.B/C", Kind: kind, Codec: jsoncodec.Codec{}, Timeout: 1500 * time.Microsecond})
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = s.Close() }()
	if err := s.Finish(wrapperspb.String("x"), nil); err != nil && err != io.EOF {
		return nil, nil, err
	}
	for range 10 {
		msg := &wrapperspb.StringValue{}
		if err := s.Recv(msg); err != nil {
			return texts, s.Trailer(), err
		}
		texts = append(texts, msg.GetValue())
	}
	return texts, nil, errors.New("the response does not end")
}

func envelope(flags byte, payload string) string {
	return string(binary.BigEndian.AppendUint32([]byte{flags}, uint32(len(payload)))) + payload
}

func TestFormat_DialSendsTheHead(t *testing.T) {
	rt := &canned{status: 200}
	_, _, _ = call(t, rt, codec.Unary)
	for key, want := range map[string]string{"Content-Type": unaryJSON, "Connect-Protocol-Version": "1", "Connect-Timeout-Ms": "1"} {
		if got := rt.req.Header.Get(key); got != want {
			t.Errorf("%s: got %q, want %q", key, got, want)
		}
	}
	if rt.req.Method != "POST" || rt.req.Path != "/a.B/C" || rt.req.Length != 3 {
		t.Errorf("request: got %+v, want a POST of 3 bytes to /a.B/C", rt.req)
	}
	_, _, _ = call(t, rt, codec.BidiStream)
	if got := rt.req.Header.Get("Content-Type"); got != streamJSON {
		t.Errorf("content type of a stream: got %q, want %q", got, streamJSON)
	}
}

func TestFormat_DialReadsResponses(t *testing.T) {
	end := envelope(2, "{}")
	for name, row := range map[string]struct {
		kind        codec.Kind
		status      int
		contentType string
		body        string
		want        status.Code // OK for io.EOF
	}{
		"unary":                  {codec.Unary, 200, unaryJSON, `"x"`, status.OK},
		"unary parameters":       {codec.Unary, 200, unaryJSON + "; charset=utf-8", `"x"`, status.OK},
		"unary garbage":          {codec.Unary, 200, unaryJSON, `{`, status.Internal},
		"unary too large":        {codec.Unary, 200, unaryJSON, `"` + strings.Repeat("x", 99) + `"`, status.ResourceExhausted},
		"unary other codec":      {codec.Unary, 200, "application/proto", "", status.Internal},
		"unary page":             {codec.Unary, 200, "text/html", "<html>", status.Unknown},
		"unary error":            {codec.Unary, 409, unaryJSON, `{"code":"aborted"}`, status.Aborted},
		"unary error, odd":       {codec.Unary, 418, unaryJSON, `{"code":"aborted","details":[{"type":"x","value":"!"}, {"value":"AA=="}]}`, status.Aborted},
		"unary error, no code":   {codec.Unary, 404, unaryJSON, `{}`, status.Unimplemented},
		"unary error, null":      {codec.Unary, 401, unaryJSON, `null`, status.Unauthenticated},
		"unary error, ok":        {codec.Unary, 400, unaryJSON, `{"code":"ok"}`, status.Internal},
		"unary error, new code":  {codec.Unary, 500, unaryJSON, `{"code":"code_99"}`, status.Unknown},
		"unary error, not JSON":  {codec.Unary, 403, unaryJSON, `{"code":`, status.PermissionDenied},
		"unary error, page":      {codec.Unary, 502, "text/html", `{"code":"aborted"}`, status.Unavailable},
		"unary 429":              {codec.Unary, 429, "text/html", "", status.Unavailable},
		"unary 503":              {codec.Unary, 503, "", "", status.Unavailable},
		"unary 504":              {codec.Unary, 504, "", "", status.Unavailable},
		"unary 302":              {codec.Unary, 302, "", "", status.Unknown},
		"stream":                 {codec.BidiStream, 200, streamJSON, envelope(0, `"x"`) + end, status.OK},
		"stream error":           {codec.BidiStream, 200, streamJSON, envelope(2, `{"error":{"code":"aborted"}}`), status.Aborted},
		"stream status":          {codec.BidiStream, 503, "text/plain", "", status.Unavailable},
		"stream refused":         {codec.BidiStream, 404, unaryJSON, `{"code":"unimplemented","message":"m"}`, status.Unimplemented},
		"stream page":            {codec.BidiStream, 200, "text/html", "", status.Unknown},
		"stream other codec":     {codec.BidiStream, 200, "application/connect+proto", end, status.Internal},
		"stream without end":     {codec.ServerStream, 200, streamJSON, envelope(0, `"x"`), status.Internal},
		"stream cut prefix":      {codec.ServerStream, 200, streamJSON, "\x00", status.Internal},
		"stream cut message":     {codec.ServerStream, 200, streamJSON, "\x00\x00\x00\x00\x09x", status.Internal},
		"stream goes on":         {codec.ServerStream, 200, streamJSON, end + "x", status.Internal},
		"stream two ends":        {codec.ServerStream, 200, streamJSON, end + end, status.Internal},
		"stream flag":            {codec.ServerStream, 200, streamJSON, envelope(4, "{}"), status.Internal},
		"stream compressed":      {codec.ServerStream, 200, streamJSON, envelope(1, "{}"), status.Internal},
		"stream too large":       {codec.ServerStream, 200, streamJSON, "\x00\xff\xff\xff\xff", status.ResourceExhausted},
		"stream garbage":         {codec.ServerStream, 200, streamJSON, envelope(0, "{") + end, status.Internal},
		"stream end garbage":     {codec.ServerStream, 200, streamJSON, envelope(2, "{"), status.Internal},
		"stream end null":        {codec.ServerStream, 200, streamJSON, envelope(2, "null"), status.Internal},
		"stream end empty":       {codec.ServerStream, 200, streamJSON, envelope(2, ""), status.Internal},
		"stream end error null":  {codec.ServerStream, 200, streamJSON, envelope(2, `{"error":null}`), status.OK},
		"stream end error empty": {codec.ServerStream, 200, streamJSON, envelope(2, `{"error":{}}`), status.Unknown},
		"stream end metadata":    {codec.ServerStream, 200, streamJSON, envelope(2, `{"metadata":{"x-bin":["!"]}}`), status.Internal},
	} {
		rt := &canned{status: row.status, header: transport.Header{"Content-Type": {row.contentType}}, body: row.body}
		_, _, err := call(t, rt, row.kind)
		if err == io.EOF && row.want == status.OK {
			continue
		}
		if err == io.EOF || status.CodeOf(err) != row.want {
			t.Errorf("%s: got %v, want %v", name, err, row.want)
		}
	}
}

func TestFormat_DialReadsTrailersAndDetails(t *testing.T) {
	rt := &canned{
		status: 200, header: transport.Header{"Content-Type": {streamJSON}},
		body: envelope(0, `"one"`) + envelope(2, `{"error":{"code":"aborted","message":"m","details":[{"type":"a.B","value":"AQ=="}]},`+
			`"metadata":{"X-Text":["a","b"],"x-bin":["AQI"],"connect-x":["dropped"]}}`),
	}
	texts, trailer, err := call(t, rt, codec.ServerStream)
	if e := status.From(err); len(texts) != 1 || e.Message != "m" || len(e.Details) != 1 ||
		e.Details[0].GetTypeUrl() != "type.googleapis.com/a.B" || string(e.Details[0].GetValue()) != "\x01" {
		t.Errorf("got %q and %+v", texts, e)
	}
	if len(trailer) != 3 || len(trailer.Values("x-text")) != 2 || trailer.Get("x-bin") != "\x01\x02" {
		t.Errorf("trailer: got %q", trailer)
	}
}

func TestFormat_DialToNobody(t *testing.T) {
	dial := func(context.Context) (net.Conn, error) { return nil, errors.New("nobody is there") }
	for kind := codec.Unary; kind <= codec.BidiStream; kind++ {
		_, _, err := call(t, &httptransport.Client{Host: "localhost", Dial: dial}, kind)
		if !errors.Is(err, codec.ErrNotSent) || status.CodeOf(err) != status.Unavailable || !strings.Contains(err.Error(), "nobody is there") {
			t.Errorf("%v: got %v, want an Unavailable error that wraps codec.ErrNotSent", kind, err)
		}
	}
}

func FuzzDial(f *testing.F) {
	f.Add(200, streamJSON, "", []byte(envelope(0, `"x"`)+envelope(2, `{"error":{"code":"aborted","details":[{"type":"a","value":"AA"}]},"metadata":{"x-bin":["AA"]}}`)))
	f.Add(200, unaryJSON, "AA", []byte(`"x"`))
	f.Add(404, unaryJSON, "AA==", []byte(`{"code":"not_found","message":"m","details":[{"type":"a","value":"AA==","debug":1}]}`))
	f.Fuzz(func(t *testing.T, httpStatus int, contentType, bin string, body []byte) {
		for _, kind := range []codec.Kind{codec.Unary, codec.BidiStream} {
			rt := &canned{
				status: httpStatus, body: string(body),
				header: transport.Header{"Content-Type": {contentType}, "X-Bin": {bin}, "Trailer-X-Bin": {bin}},
			}
			if _, _, err := call(t, rt, kind); err == nil {
				t.Errorf("%v: the call did not end", kind)
			}
		}
	})
}
