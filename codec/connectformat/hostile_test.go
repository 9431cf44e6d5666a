package connectformat_test

import (
	"context"
	"encoding/base64"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/connectformat"
	"github.com/protomicro/micro/codec/jsoncodec"
	"github.com/protomicro/micro/transport"
)

// A spy reads from another reader and keeps how much room it was given at most.
type spy struct {
	io.Reader
	room, reads int
}

func (s *spy) Read(p []byte) (int, error) {
	s.room = max(s.room, len(p))
	s.reads++
	return s.Reader.Read(p)
}

func TestFormat_ServeHoldsOnlyWhatHasArrived(t *testing.T) {
	const announced = 4 << 20
	for contentType, body := range map[string]string{unaryJSON: `"`, streamJSON: "\x00\x00\x40\x00\x00"} {
		x := newExchange(contentType, "")
		x.req.Length = announced
		body := &spy{Reader: strings.NewReader(body)}
		x.body = body
		connectformat.Format{}.Serve(t.Context(), x, echo{}, config(announced))
		if body.room > 128<<10 {
			t.Errorf("%s: got a buffer of %d bytes for a message of which almost nothing has come", contentType, body.room)
		}
	}
}

// An empty reader yields nothing, and no error.
type empty struct{}

func (empty) Read([]byte) (int, error) { return 0, nil }

func TestFormat_ServeGivesUpWithoutProgress(t *testing.T) {
	for _, contentType := range []string{unaryJSON, streamJSON} {
		x := newExchange(contentType, "")
		body := &spy{Reader: empty{}}
		x.body = body
		connectformat.Format{}.Serve(t.Context(), x, echo{}, config(100))
		if body.reads != 100 || !strings.Contains(x.String(), `"code"`) {
			t.Errorf("%s: got %d reads and %q, want 100 and an error", contentType, body.reads, x.String())
		}
	}
}

// A serveFunc is a codec.Handler.
type serveFunc func(ctx context.Context, call *codec.Call, r codec.Responder)

func (f serveFunc) ServeCall(ctx context.Context, call *codec.Call, r codec.Responder) {
	f(ctx, call, r)
}

func TestFormat_ServeReadsTheHead(t *testing.T) {
	var got codec.Call
	h := serveFunc(func(_ context.Context, call *codec.Call, r codec.Responder) {
		got = *call
		_ = r.SetHeader(codec.Meta{{Key: "x-kept", Value: "1"}, {Key: "connect-own", Value: "1"}})
		_ = r.SetTrailer(codec.Meta{{Key: "x-end", Value: "1"}, {Key: "connect-end", Value: "1"}})
		_ = r.Finish(wrapperspb.String(""), nil)
	})
	for _, contentType := range []string{unaryJSON, streamJSON} {
		x := newExchange(contentType, "")
		x.req.Header["Connect-Timeout-Ms"] = []string{"0"}
		x.req.Header["X-Bin"] = []string{base64.StdEncoding.EncodeToString([]byte("one")) + ", " + base64.RawStdEncoding.EncodeToString([]byte("four"))}
		connectformat.Format{}.Serve(t.Context(), x, h, config(100))
		if got.Timeout <= 0 || got.Timeout > time.Millisecond {
			t.Errorf("%s: a timeout of 0 ms: got %v, want one that ends at once", contentType, got.Timeout)
		}
		if values := got.Header.Values("x-bin"); len(values) != 2 || values[0] != "one" || values[1] != "four" {
			t.Errorf("%s: joined values: got %q, want one and four", contentType, values)
		}
		if x.header.Get("X-Kept") != "1" || x.header.Get("Connect-Own") != "" || x.header.Get("Trailer-Connect-End") != "" ||
			strings.Contains(x.String(), "connect-end") {
			t.Errorf("%s: reserved metadata: got header %q and body %q", contentType, x.header, x.String())
		}
	}
}

func TestFormat_DialSendsTheTimeout(t *testing.T) {
	for timeout, want := range map[time.Duration]string{1: "1", 1500 * time.Millisecond: "1500", math.MaxInt64: "9999999999"} {
		rt := &canned{status: 200, header: transport.Header{"Content-Type": {unaryJSON}}, body: `""`}
		conn := connectformat.Format{}.Dial(rt, config(100))
		s, err := conn.Open(t.Context(), &codec.Call{Method: "a.B/C", Codec: jsoncodec.Codec{}, Timeout: timeout})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Finish(wrapperspb.String("x"), nil); err != nil {
			t.Fatal(err)
		}
		if got := rt.req.Header.Get("Connect-Timeout-Ms"); got != want {
			t.Errorf("timeout %v: got %q, want %q", timeout, got, want)
		}
		_ = conn.Close()
	}
}
