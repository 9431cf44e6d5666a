package protorpc_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/jsoncodec"
	"github.com/protomicro/micro/codec/protocodec"
	"github.com/protomicro/micro/codec/protorpc"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport/memtransport"
)

// A peer is a server that a test plays by hand.
type peer struct {
	t  *testing.T
	nc net.Conn
}

// play returns a connection to a server that has sent start, and the server, which has read the client's preface and
// settings.
func play(t *testing.T, lim codec.Limits, start string) (codec.Conn, *peer) {
	t.Helper()
	near, far := memtransport.Pipe()
	p := &peer{t, far}
	p.write(start)
	conn, err := protorpc.Format{}.Dial(t.Context(), near, codec.Config{Limits: lim})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		_ = far.Close()
	})
	if b := p.read(len(preface)); string(b) != preface {
		t.Fatalf("the client's preface is %q", b)
	}
	if f := p.frame(); f.typ != settings {
		t.Fatalf("the client's first frame: %v", f)
	}
	return conn, p
}

func (p *peer) write(s string) {
	if _, err := io.WriteString(p.nc, s); err != nil {
		p.t.Errorf("write: %v", err)
	}
}

func (p *peer) read(n int) []byte {
	p.t.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(p.nc, b); err != nil {
		p.t.Fatalf("read: %v", err)
	}
	return b
}

func (p *peer) frame() got {
	p.t.Helper()
	h := p.read(12)
	rest := binary.BigEndian.Uint64(h[4:])
	return got{byte(rest >> 56), byte(rest >> 48), rest & (1<<48 - 1), string(p.read(int(binary.BigEndian.Uint32(h))))}
}

func open(t *testing.T, conn codec.Conn, kind codec.Kind) codec.Stream {
	t.Helper()
	s, err := conn.Open(t.Context(), &codec.Call{Method: "a.B/C", Kind: kind, Codec: protocodec.Codec{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// ask opens a unary call and sends its request.
func ask(t *testing.T, conn codec.Conn, p *peer) codec.Stream {
	t.Helper()
	s := open(t, conn, codec.Unary)
	if err := s.Finish(wrapperspb.String("hi"), nil); err != nil {
		t.Fatal(err)
	}
	if f := p.frame(); f.typ != call || f.flags != head|msg|end {
		t.Fatalf("the request: %v", f)
	}
	return s
}

func wantCode(t *testing.T, err error, want status.Code) {
	t.Helper()
	if status.CodeOf(err) != want {
		t.Errorf("got %v, want %v", err, want)
	}
}

func TestClient_WritesTheHeadOfTheSpec(t *testing.T) {
	conn, p := play(t, codec.Limits{}, hello(t))
	s, err := conn.Open(t.Context(), &codec.Call{
		Method: "a.B/C", Kind: codec.ServerStream, Codec: jsoncodec.Codec{}, Timeout: 1500 * time.Millisecond,
		Header: codec.Meta{{Key: "a", Value: "1"}, {Key: "b-bin", Value: "\x00\xff"}, {Key: "a", Value: "2"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if err := s.Finish(wrapperspb.String("hi"), nil); err != nil {
		t.Fatal(err)
	}
	f := p.frame()
	n := binary.BigEndian.Uint32([]byte(f.payload))
	m := dynamicpb.NewMessage(blocks(t).ByName("Head"))
	if err := proto.Unmarshal([]byte(f.payload[4:4+n]), m); err != nil {
		t.Fatal(err)
	}
	if rest := f.payload[4+n:]; f.id != 1 || f.flags != head|msg|end || rest != `"hi"` {
		t.Errorf("frame %v", f)
	}
	field := func(name string) protoreflect.Value {
		return m.Get(m.Descriptor().Fields().ByName(protoreflect.Name(name)))
	}
	if field("method").String() != "a.B/C" || field("kind").Uint() != 2 || field("codec").String() != "json" || field("timeout").Uint() != 1500000 {
		t.Errorf("head: %v", m)
	}
	var meta []string
	for i := range field("meta").List().Len() {
		f := field("meta").List().Get(i).Message()
		fields := f.Descriptor().Fields()
		meta = append(meta, f.Get(fields.ByName("key")).String()+"="+string(f.Get(fields.ByName("value")).Bytes()))
	}
	if got := strings.Join(meta, " "); got != "a=1 b-bin=\x00\xff a=2" {
		t.Errorf("metadata: %q", got)
	}
	if len(m.GetUnknown()) > 0 {
		t.Errorf("the head has fields that the specification does not know: %q", m.GetUnknown())
	}
}

func TestClient_RefusesWhatIsNoPeer(t *testing.T) {
	for name, start := range map[string]string{
		"HTTP":            "HTTP/1.1 400 Bad Request\r\n\r\n",
		"another version": "\x89PRPC\r\n\x02",
		"no settings":     preface + frame(ping, 0, 0, "12345678"),
		"nothing":         "",
	} {
		t.Run(name, func(t *testing.T) {
			near, far := memtransport.Pipe()
			if _, err := io.WriteString(far, start); err != nil {
				t.Fatal(err)
			}
			if conn, err := (protorpc.Format{}).Dial(t.Context(), near, codec.Config{Limits: codec.Limits{HandshakeTimeout: 50 * time.Millisecond}}); err == nil {
				t.Errorf("Dial: no error")
				_ = conn.Close()
			}
			if _, err := io.ReadAll(far); err != nil {
				t.Errorf("the connection was not closed: %v", err)
			}
		})
	}
}

func TestClient_EndsTheConnectionForMalformedInput(t *testing.T) {
	for name, input := range map[string]string{
		"settings twice":             hello(t)[len(preface):],
		"call that was never made":   frame(call, msg, 9, "x"),
		"id 0":                       frame(call, end, 0, ""),
		"unknown flag":               frame(call, 0x20, 1, ""),
		"HEAD twice":                 frame(call, head, 1, section("")) + frame(call, head, 1, section("")),
		"HEAD after a message":       frame(call, msg, 1, "") + frame(call, head, 1, section("")),
		"TAIL without END":           frame(call, tail, 1, section("")),
		"tail is no block":           frame(call, tail|end, 1, section("\xff")),
		"head is no block":           frame(call, head, 1, section("\xff")),
		"reset is no block":          frame(reset, 0, 1, "\xff"),
		"MSG beyond the credit":      strings.Repeat(frame(call, msg, 1, string(make([]byte, 9000))), 3),
		"empty MSGs over the credit": strings.Repeat(frame(call, msg, 1, ""), 16384/12+1),
		"WINDOW of 3 bytes":          frame(window, 0, 1, "abc"),
		"PING of 7 bytes":            frame(ping, 0, 0, "1234567"),
		"GOAWAY is no block":         frame(goAway, 0, 0, "\xff"),
	} {
		t.Run(name, func(t *testing.T) {
			conn, p := play(t, codec.Limits{WindowBytes: 16384}, hello(t))
			s := open(t, conn, codec.BidiStream)
			if f := p.frame(); f.flags != head {
				t.Fatalf("the call: %v", f)
			}
			go func() { _, _ = io.WriteString(p.nc, input) }()
			if f := p.frame(); f.typ != goAway {
				t.Errorf("got %v, want GOAWAY", f)
			}
			<-conn.Done()
			var err error
			for err == nil {
				err = s.Recv(nil)
			}
			wantCode(t, err, status.Unavailable)
		})
	}
}

func TestClient_UnderstandsEveryOutcome(t *testing.T) {
	for name, c := range map[string]struct {
		input   string
		want    status.Code
		notSent bool
	}{
		"success":           {frame(call, msg|end, 1, message("ok")), status.OK, false},
		"success in parts":  {frame(call, msg|more, 1, message("ok")[:1]) + frame(call, msg, 1, message("ok")[1:]) + frame(call, end, 1, ""), status.OK, false},
		"error":             {frame(call, tail|end, 1, section("\x08\x05")), status.NotFound, false},
		"reset":             {frame(reset, 0, 1, "\x08\x08"), status.ResourceExhausted, false},
		"refused":           {frame(reset, 0, 1, "\x08\x08\x28\x01"), status.ResourceExhausted, true},
		"reset, no code":    {frame(reset, 0, 1, ""), status.Internal, false},
		"END amid a part":   {frame(call, msg|more, 1, message("ok")[:1]) + frame(call, end, 1, ""), status.Unknown, false}, // io.EOF, no message
		"not a message":     {frame(call, msg|end, 1, "\xff"), status.Internal, false},
		"over the limit":    {frame(call, msg|end, 1, string(make([]byte, 101))), status.ResourceExhausted, false},
		"metadata too long": {frame(call, head|msg|end, 1, section(strings.Repeat("\x2a\x00", 60))+message("ok")), status.ResourceExhausted, false},
		"outcome too long":  {frame(call, tail|end, 1, section(strings.Repeat("\x22\x00", 60))), status.ResourceExhausted, false},
	} {
		t.Run(name, func(t *testing.T) {
			conn, p := play(t, codec.Limits{MessageBytes: 100, HeaderBytes: 100}, hello(t))
			s := ask(t, conn, p)
			p.write(c.input + frame(window, 0, 1, "\x00\x00\x00\x01")) // late, and to be passed over
			res := new(wrapperspb.StringValue)
			err := s.Recv(res)
			wantCode(t, err, c.want)
			if errors.Is(err, codec.ErrNotSent) != c.notSent {
				t.Errorf("%v: not sent is %v, want %v", err, !c.notSent, c.notSent)
			}
			if c.want == status.OK && (res.GetValue() != "ok" || s.Recv(nil) != io.EOF) {
				t.Errorf("got %q", res.GetValue())
			}
			p.write(frame(call, msg|end, 1, "late"))
			p.write(frame(ping, 0, 0, "12345678"))
			for f := p.frame(); f.typ != ping; f = p.frame() {
				if f.typ != reset {
					t.Errorf("got %v, want at most a reset, and the answer to a ping", f)
				}
			}
		})
	}
}

func TestClient_LetsCallsEndWhenTheServerGoesAway(t *testing.T) {
	conn, p := play(t, codec.Limits{}, hello(t))
	s := ask(t, conn, p)
	p.write(frame(goAway, 0, 0, "\x08\x0e"))
	<-conn.Done()
	_, err := conn.Open(t.Context(), &codec.Call{Method: "a.B/C", Codec: protocodec.Codec{}})
	wantCode(t, err, status.Unavailable)
	if !errors.Is(err, codec.ErrNotSent) {
		t.Errorf("%v does not wrap ErrNotSent", err)
	}
	p.write(frame(call, msg|end, 1, message("bye")))
	if err := s.Recv(new(wrapperspb.StringValue)); err != nil {
		t.Errorf("the running call: %v", err)
	}
	if rest, err := io.ReadAll(p.nc); err != nil || len(rest) > 0 {
		t.Errorf("after the last call: %q, %v; want the end", rest, err)
	}
}

func TestClient_WaitsForTheServersLimitOfCalls(t *testing.T) {
	start := preface + frame(settings, 0, 0, block(t, "Settings", func(m protoreflect.Message, f func(string) protoreflect.FieldDescriptor) {
		m.Set(f("window"), protoreflect.ValueOfUint32(1<<20))
		m.Set(f("max_calls"), protoreflect.ValueOfUint32(1))
		m.Set(f("max_message"), protoreflect.ValueOfUint32(50))
		m.Set(f("max_head"), protoreflect.ValueOfUint32(60))
	}))
	conn, p := play(t, codec.Limits{}, start)
	first := ask(t, conn, p)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := conn.Open(ctx, &codec.Call{Method: "a.B/C", Codec: protocodec.Codec{}})
	wantCode(t, err, status.DeadlineExceeded)

	opened := make(chan error, 1)
	go func() {
		s, err := conn.Open(t.Context(), &codec.Call{Method: "a.B/C", Codec: protocodec.Codec{}})
		if err == nil {
			wantCode(t, s.Finish(wrapperspb.String(strings.Repeat("x", 100)), nil), status.ResourceExhausted)
			err = s.Close()
		}
		opened <- err
	}()
	p.write(frame(call, end, 1, ""))
	if err := <-opened; err != nil {
		t.Error(err)
	}
	if err := first.Recv(nil); err != io.EOF {
		t.Errorf("the first call: %v", err)
	}
	s, err := conn.Open(t.Context(), &codec.Call{Method: strings.Repeat("x", 100), Codec: protocodec.Codec{}})
	if err == nil {
		err = s.Finish(nil, nil)
		_ = s.Close()
	}
	wantCode(t, err, status.ResourceExhausted)
}

func TestClient_GivesUpAPeerThatDoesNotAnswerPings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, p := play(t, codec.Limits{PingInterval: time.Minute, PingTimeout: time.Second}, hello(t))
		s := ask(t, conn, p)
		start := time.Now()
		for range 3 { // it answers, and lives
			if f := p.frame(); f.typ != ping || f.flags != 0 {
				t.Fatalf("got %v, want a ping", f)
			}
			p.write(frame(ping, 1, 0, "\x00\x00\x00\x00\x00\x00\x00\x00"))
		}
		if f := p.frame(); f.typ != ping {
			t.Fatalf("got %v, want a ping", f)
		}
		err := s.Recv(nil)
		wantCode(t, err, status.Unavailable)
		if d := time.Since(start); err == nil || !strings.Contains(err.Error(), "ping") || d < 4*time.Minute || d > 8*time.Minute {
			t.Errorf("%v after %v", err, d)
		}
	})
}
