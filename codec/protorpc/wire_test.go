package protorpc_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/protocodec"
	"github.com/protomicro/micro/codec/protorpc"
	"github.com/protomicro/micro/internal/leakcheck"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport/memtransport"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

// What SPEC.md says, written down once more: the tests must not use the code that they judge.
const (
	preface = "\x89PRPC\r\n\x01"

	call, reset, window, ping, goAway, settings = 1, 2, 3, 4, 5, 6
	head, tail, msg, more, end                  = 1, 2, 4, 8, 16
)

func frame(typ, flags byte, id uint64, payload string) string {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(payload)))
	b = binary.BigEndian.AppendUint64(b, uint64(typ)<<56|uint64(flags)<<48|id)
	return string(b) + payload
}

func section(block string) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(len(block)))) + block
}

// blocks are the messages that SPEC.md defines, made from its own text.
func blocks(t testing.TB) protoreflect.MessageDescriptors {
	t.Helper()
	spec, err := os.ReadFile("SPEC.md")
	if err != nil {
		t.Fatal(err)
	}
	_, source, _ := strings.Cut(string(spec), "```proto\n")
	source, _, _ = strings.Cut(source, "```")
	compiler := protocompile.Compiler{Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{
		Accessor: protocompile.SourceAccessorFromMap(map[string]string{"spec.proto": source}),
	})}
	files, err := compiler.Compile(context.Background(), "spec.proto")
	if err != nil {
		t.Fatalf("the blocks of SPEC.md do not compile: %v", err)
	}
	return files[0].Messages()
}

// block encodes the message called name, given in the JSON-like form set by f.
func block(t testing.TB, name string, f func(m protoreflect.Message, field func(string) protoreflect.FieldDescriptor)) string {
	t.Helper()
	desc := blocks(t).ByName(protoreflect.Name(name))
	m := dynamicpb.NewMessage(desc)
	f(m, func(name string) protoreflect.FieldDescriptor { return desc.Fields().ByName(protoreflect.Name(name)) })
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func helloWith(t testing.TB, windowBytes uint32) string {
	return preface + frame(settings, 0, 0, block(t, "Settings", func(m protoreflect.Message, f func(string) protoreflect.FieldDescriptor) {
		m.Set(f("window"), protoreflect.ValueOfUint32(windowBytes))
	}))
}

func hello(t testing.TB) string { return helloWith(t, 1<<20) }

func headBlock(t testing.TB, method string, kind codec.Kind) string {
	return section(block(t, "Head", func(m protoreflect.Message, f func(string) protoreflect.FieldDescriptor) {
		m.Set(f("method"), protoreflect.ValueOfString(method))
		m.Set(f("kind"), protoreflect.ValueOfUint32(uint32(kind)))
	}))
}

// echo answers every message with itself.
type echo struct{}

func (echo) ServeCall(_ context.Context, c *codec.Call, r codec.Responder) {
	for {
		in := new(wrapperspb.StringValue)
		switch err := r.Recv(in); {
		case err == io.EOF:
			_ = r.Finish(nil, nil)
			return
		case err != nil:
			_ = r.Finish(nil, err)
			return
		case c.Kind == codec.Unary:
			_ = r.Finish(in, nil)
			return
		}
		if err := r.Send(in); err != nil {
			_ = r.Finish(nil, err)
			return
		}
	}
}

func config(lim codec.Limits) codec.Config {
	return codec.Config{Codecs: codec.Codecs{protocodec.Codec{}}, Limits: lim}
}

// A got is a frame that came back.
type got struct {
	typ, flags byte
	id         uint64
	payload    string
}

func (g got) String() string {
	return fmt.Sprintf("type %d, flags %#x, id %d, %q", g.typ, g.flags, g.id, g.payload)
}

// readFrames reads frames until the connection ends or they are enough.
func readFrames(t testing.TB, nc net.Conn, enough func([]got) bool) (frames []got) {
	t.Helper()
	for !enough(frames) {
		var h [12]byte
		if _, err := io.ReadFull(nc, h[:]); err != nil {
			return frames
		}
		rest := binary.BigEndian.Uint64(h[4:])
		payload := make([]byte, binary.BigEndian.Uint32(h[:]))
		if _, err := io.ReadFull(nc, payload); err != nil {
			t.Fatalf("a frame was cut short: %v", err)
		}
		frames = append(frames, got{byte(rest >> 56), byte(rest >> 48), rest & (1<<48 - 1), string(payload)})
	}
	return frames
}

// talk sends input to a server and returns what comes back, settings first, until that is enough or the server closes,
// and what Serve returned.
func talk(t testing.TB, lim codec.Limits, h codec.Handler, input string, enough func([]got) bool) ([]got, error) {
	t.Helper()
	near, far := memtransport.Pipe()
	served := make(chan error, 1)
	go func() { served <- protorpc.Format{}.Serve(context.Background(), far, h, config(lim)) }()
	go func() { _, _ = io.WriteString(near, input) }()
	start := make([]byte, len(preface))
	if _, err := io.ReadFull(near, start); err != nil {
		_ = near.Close()
		return nil, <-served
	}
	if string(start) != preface {
		t.Fatalf("the server's preface is %q", start)
	}
	_ = near.SetReadDeadline(time.Now().Add(20 * time.Second))
	frames := readFrames(t, near, enough)
	_ = near.Close()
	if len(frames) == 0 || frames[0].typ != settings {
		t.Fatalf("the server's first frame is not settings: %v", frames)
	}
	return frames[1:], <-served
}

func never([]got) bool { return false }

func count(n int) func([]got) bool { return func(frames []got) bool { return len(frames) == n } }

func parseTailBlock(t testing.TB, payload string) (code status.Code, message string, unprocessed bool) {
	t.Helper()
	desc := blocks(t).ByName("Tail")
	m := dynamicpb.NewMessage(desc)
	if err := proto.Unmarshal([]byte(payload), m); err != nil {
		t.Fatalf("a tail that is no block: %v", err)
	}
	f := desc.Fields()
	return status.Code(m.Get(f.ByName("code")).Uint()), m.Get(f.ByName("message")).String(), m.Get(f.ByName("unprocessed")).Bool()
}

func message(s string) string {
	b, _ := proto.Marshal(wrapperspb.String(s))
	return string(b)
}

func TestServer_AnswersWhatTheSpecSays(t *testing.T) {
	frames, err := talk(t, codec.Limits{}, echo{},
		hello(t)+frame(call, head|msg|end, 7, headBlock(t, "a.B/C", codec.Unary)+message("hi"))+frame(ping, 0, 0, "12345678"), count(3))
	if err != nil {
		t.Fatal(err)
	}
	want := map[got]bool{{call, msg | end, 7, message("hi")}: true, {ping, 1, 0, "12345678"}: true}
	for _, f := range frames {
		if !want[f] {
			t.Errorf("unexpected frame: %v", f)
		}
		delete(want, f)
	}
	for f := range want {
		t.Errorf("missing frame: %v", f)
	}
}

func TestServer_EndsTheConnectionForMalformedInput(t *testing.T) {
	open := func(flags byte, rest string) string {
		return frame(call, head|flags, 1, headBlock(t, "a.B/C", codec.BidiStream)+rest)
	}
	for name, input := range map[string]string{
		"first frame is not settings":   preface + frame(ping, 0, 0, "12345678"),
		"settings twice":                hello(t) + hello(t)[len(preface):],
		"window too small":              helloWith(t, 100),
		"payload too long":              hello(t) + "\x00\x04\x00\x01" + string(make([]byte, 8)),
		"unknown flag":                  hello(t) + open(0x20, ""),
		"section too long":              hello(t) + frame(call, head, 1, "\x00\x00\x01\x00abc"),
		"section length cut short":      hello(t) + frame(call, head, 1, "\x00\x00"),
		"bytes without MSG":             hello(t) + open(0, "x"),
		"MORE without MSG":              hello(t) + open(more, ""),
		"MORE with END":                 hello(t) + open(msg|more|end, "x"),
		"TAIL without END":              hello(t) + frame(call, head|tail, 1, headBlock(t, "a.B/C", 0)+section("")),
		"TAIL from a client":            hello(t) + frame(call, head|tail|end, 1, headBlock(t, "a.B/C", 0)+section("")),
		"TAIL from a client, later":     hello(t) + open(0, "") + frame(call, tail|end, 1, section("")),
		"head is no block":              hello(t) + frame(call, head, 1, section("\xff\xff\xff")),
		"kind over 3":                   hello(t) + frame(call, head, 1, section("\x10\x04")),
		"CALL without HEAD":             hello(t) + frame(call, msg, 1, "x"),
		"RESET for no call":             hello(t) + frame(reset, 0, 1, ""),
		"WINDOW for no call":            hello(t) + frame(window, 0, 1, "\x00\x00\x00\x01"),
		"id 0":                          hello(t) + frame(call, head|end, 0, headBlock(t, "a.B/C", 0)),
		"HEAD twice":                    hello(t) + open(0, "") + open(0, ""),
		"MSG after END":                 hello(t) + open(end, "") + frame(call, msg, 1, "x"),
		"MSG beyond the credit":         hello(t) + open(0, "") + strings.Repeat(frame(call, msg, 1, string(make([]byte, 4000))), 300),
		"WINDOW of 3 bytes":             hello(t) + open(0, "") + frame(window, 0, 1, "abc"),
		"WINDOW beyond all":             hello(t) + open(0, "") + frame(window, 0, 1, "\xff\xff\xff\xff"),
		"PING of 7 bytes":               hello(t) + frame(ping, 0, 0, "1234567"),
		"GOAWAY-like tail in a RESET":   hello(t) + open(0, "") + frame(reset, 0, 1, "\xff"),
		"a frame of an id that is past": hello(t) + frame(call, head|end, 5, headBlock(t, "a.B/C", 0)) + frame(call, msg, 6, "x"),
	} {
		t.Run(name, func(t *testing.T) {
			h := codec.Handler(echo{})
			if name == "MSG beyond the credit" || name == "MSG after END" {
				h = waiting{}
			}
			frames, err := talk(t, codec.Limits{}, h, input, never)
			if err == nil {
				t.Errorf("Serve returned no error; frames: %v", frames)
			}
			if strings.HasPrefix(name, "first") || strings.HasPrefix(name, "window too") {
				return // the settings were the matter: the connection closes without further words
			}
			i := slices.IndexFunc(frames, func(f got) bool { return f.typ == goAway })
			if i < 0 {
				t.Fatalf("no GOAWAY: %v", frames)
			}
			code, text, _ := parseTailBlock(t, frames[i].payload)
			if code != status.Internal || !strings.Contains(text, "broke the protocol") {
				t.Errorf("GOAWAY says %v: %s", code, text)
			}
		})
	}
}

// waiting waits for the end of the call.
type waiting struct{}

func (waiting) ServeCall(ctx context.Context, _ *codec.Call, r codec.Responder) {
	<-ctx.Done()
	_ = r.Finish(nil, ctx.Err())
}

func TestServer_EndsTheCallOnly(t *testing.T) {
	lim := codec.Limits{MessageBytes: 1000, HeaderBytes: 2000, Calls: 1}
	open := func(id uint64, flags byte, rest string) string {
		return frame(call, head|flags, id, headBlock(t, "a.B/C", codec.Unary)+rest)
	}
	codecHead := section(block(t, "Head", func(m protoreflect.Message, f func(string) protoreflect.FieldDescriptor) {
		m.Set(f("method"), protoreflect.ValueOfString("a.B/C"))
		m.Set(f("codec"), protoreflect.ValueOfString("morse"))
	}))
	for name, c := range map[string]struct {
		handler codec.Handler
		input   string
		want    status.Code
		refused bool
	}{
		"head over the limit": {echo{}, frame(call, head|end, 1, headBlock(t, strings.Repeat("x", 2000), 0)), status.ResourceExhausted, true},
		"unknown codec":       {echo{}, frame(call, head|end, 1, codecHead), status.Unimplemented, true},
		"message over the limit": {
			echo{}, open(1, msg|end, string(make([]byte, 1001))), status.ResourceExhausted, false,
		},
		"message over the limit in parts": {
			echo{}, open(1, msg|more, string(make([]byte, 600))) + frame(call, msg|more, 1, string(make([]byte, 600))), status.ResourceExhausted, false,
		},
		"message that does not decode": {echo{}, open(1, msg|end, "\xff\xff"), status.InvalidArgument, false},
		"too many calls":               {waiting{}, open(1, 0, "") + open(2, 0, ""), status.ResourceExhausted, true},
		"reset calls still count":      {stubborn{}, open(1, 0, "") + frame(reset, 0, 1, "\x08\x01") + open(2, 0, ""), status.ResourceExhausted, true},
	} {
		t.Run(name, func(t *testing.T) {
			frames, err := talk(t, lim, c.handler, hello(t)+c.input, func(frames []got) bool {
				return len(frames) > 1 && frames[len(frames)-1].flags != 0 || slices.ContainsFunc(frames, func(f got) bool { return f.typ == reset })
			})
			if err != nil {
				t.Fatalf("the connection ended: %v", err)
			}
			for _, f := range frames {
				payload := f.payload
				switch {
				case f.typ == reset:
				case f.typ == call && f.flags == tail|end:
					payload = payload[4:]
				default:
					continue
				}
				code, _, unprocessed := parseTailBlock(t, payload)
				if code != c.want || unprocessed != c.refused {
					t.Errorf("code %v, unprocessed %v; want %v, %v", code, unprocessed, c.want, c.refused)
				}
				return
			}
			t.Errorf("no outcome among %v", frames)
		})
	}
}

// stubborn goes on for a while after its call has been cancelled.
type stubborn struct{}

func (stubborn) ServeCall(ctx context.Context, _ *codec.Call, r codec.Responder) {
	<-ctx.Done()
	timer := time.NewTimer(200 * time.Millisecond)
	<-timer.C
	_ = r.Finish(nil, ctx.Err())
}

func TestServer_PassesOverWhatIsLateOrNew(t *testing.T) {
	frames, err := talk(t, codec.Limits{}, echo{}, hello(t)+
		frame(call, head|msg|end, 3, headBlock(t, "a.B/C", codec.Unary)+message("hi"))+
		frame(99, 0xff, 12345, "from the future")+
		frame(ping, 0, 0, "12345678")+ // its answer comes after the frame of the future was passed over
		frame(reset, 0, 2, "")+frame(window, 0, 1, "\x00\x00\x00\x01")+frame(ping, 0, 0, "abcdefgh"), count(4)) // for ids that were skipped, as if they had ended
	if err != nil || len(frames) != 3 {
		t.Errorf("frames %v, error %v; want an answer and two pings", frames, err)
	}
}

func TestServer_TellsTheVersionItSpeaks(t *testing.T) {
	near, far := memtransport.Pipe()
	served := make(chan error, 1)
	go func() { served <- protorpc.Format{}.Serve(context.Background(), far, echo{}, config(codec.Limits{})) }()
	if _, err := io.WriteString(near, "\x89PRPC\r\n\x02"); err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(near)
	if err != nil || !strings.HasPrefix(string(all), preface) {
		t.Errorf("read %q, %v; want our preface and the end", all, err)
	}
	if err := <-served; err == nil || !strings.Contains(err.Error(), "version") {
		t.Errorf("Serve returned %v", err)
	}
}

func TestServer_GivesUpASilentClient(t *testing.T) {
	for name, input := range map[string]string{"nothing": "", "half a preface": "\x89PR", "no settings": preface} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, err := talk(t, codec.Limits{HandshakeTimeout: 50 * time.Millisecond}, echo{}, input, never)
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("error %v after %v; want a deadline", err, time.Since(start))
			}
		})
	}
}
