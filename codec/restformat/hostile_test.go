package restformat_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/jsoncodec"
	"github.com/protomicro/micro/codec/restformat"
)

// endless is a body that never ends, and counts what was read.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	e.read += len(p)
	return len(p), nil
}

func TestFormat_StopsAtTheLimit(t *testing.T) {
	rec := &recorder{files: compile(t, echo)}
	f := newFormat(t, rec.files, "test.v1.S/Get", "test.v1.S/Put")
	for verb, most := range map[string]int{"PUT": 64<<10 + 1, "GET": 2} {
		x := newExchange(verb, "/v1/x", "", "{}")
		body := &endless{}
		x.body = body
		f.Serve(t.Context(), x, rec, config())
		if body.read > most || x.status/100 != 4 {
			t.Errorf("%s: got %d after %d bytes, want at most %d", verb, x.status, body.read, most)
		}
	}
	x := newExchange("PUT", "/v1/x", "", "{}")
	x.req.Length = 1 << 40
	body := &endless{}
	x.body = body
	f.Serve(t.Context(), x, rec, config())
	if body.read > 0 || x.status != 429 {
		t.Errorf("announced: got %d after %d bytes", x.status, body.read)
	}
}

// What is long is either refused or costs no more than reading it.
func TestFormat_LongRequestsAreCheap(t *testing.T) {
	rec := &recorder{files: compile(t, echo)}
	f := newFormat(t, rec.files, "test.v1.S/Get")
	cfg := config()
	cfg.Limits.HeaderBytes = 1 << 20
	const n = 1 << 18
	for name, c := range map[string]struct {
		path, query string
		status      int
	}{
		"segments":        {"/v1" + strings.Repeat("/x", n), "", 200},
		"encoded slashes": {"/v1/" + strings.Repeat("%2F", n), "", 200},
		"colons":          {"/v1/" + strings.Repeat(":", n), "", 200},
		"empty segments":  {"/v1" + strings.Repeat("/", n), "", 404},
		"parameters":      {"/v1/x", strings.Repeat("tags&", n/2), 200},
		"ampersands":      {"/v1/x", strings.Repeat("&", n), 200},
		"a deep field":    {"/v1/x", strings.Repeat("self.", n/8) + "id=1", 400},
		"dots":            {"/v1/x", strings.Repeat(".", n), 400},
	} {
		x := newExchange("GET", c.path, c.query, "")
		begin := time.Now()
		f.Serve(t.Context(), x, rec, cfg)
		if took := time.Since(begin); x.status != c.status || took > 5*time.Second {
			t.Errorf("%s: got %d after %v, want %d", name, x.status, took, c.status)
		}
		if x.status != 200 && x.Len() > 2000 {
			t.Errorf("%s: got an error of %d bytes", name, x.Len())
		}
	}
}

func TestFormat_ConcurrentCalls(t *testing.T) {
	files := compile(t, echo)
	f := newFormat(t, files, "test.v1.S/Get", "test.v1.S/Put")
	method := methodOf(t, files, "test.v1.S/Get")
	h := serveFunc(func(_ context.Context, _ *codec.Call, r codec.Responder) {
		req := dynamicpb.NewMessage(method.Input())
		if err := r.Recv(req); err != nil {
			_ = r.Finish(nil, err)
			return
		}
		res := dynamicpb.NewMessage(method.Output())
		res.Set(method.Output().Fields().ByName("text"), req.Get(method.Input().Fields().ByName("name")))
		_ = r.Finish(res, nil)
	})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 50 {
				x := newExchange("GET", fmt.Sprintf("/v1/%d/%d", i, j), "id=1", "")
				f.Serve(t.Context(), x, h, config())
				if want := fmt.Sprintf(`{"text":"%d/%d"}`, i, j); x.String() != want {
					t.Errorf("got %s, want %s", x.String(), want)
				}
			}
		})
	}
	wg.Wait()
}

// An indenting codec breaks lines, where a stream must not.
type indenting struct{ jsoncodec.Codec }

func (c indenting) MarshalAppend(dst []byte, msg any) ([]byte, error) {
	b, err := c.Codec.MarshalAppend(nil, msg)
	if err != nil {
		return dst, err
	}
	if bytes.Contains(b, []byte("broken")) {
		return append(dst, "}\n"...), nil
	}
	if bytes.Contains(b, []byte("fail")) {
		return dst, errors.New("the codec has failed")
	}
	var out bytes.Buffer
	err = json.Indent(&out, b, "", " ")
	return append(dst, out.Bytes()...), err
}

func TestFormat_StreamsOfAnotherCodec(t *testing.T) {
	files := compile(t, streams)
	output := methodOf(t, files, "test.v1.S/Watch").Output()
	f := newFormat(t, files, "test.v1.S/Watch")
	cfg := config()
	cfg.Codecs = codec.Codecs{indenting{}}
	for query, want := range map[string]string{
		"":        `{"text":"a","big":"1"}` + "\n" + `{"error":{"code":2,"message":"the codec has failed"}}` + "\n",
		"alt=sse": `data: {"text":"a","big":"1"}` + "\n\nevent: error\n" + `data: {"code":2,"message":"the codec has failed"}` + "\n\n",
	} {
		x := newExchange("GET", "/v1/watch/1", query, "")
		f.Serve(t.Context(), x, serveFunc(func(_ context.Context, _ *codec.Call, r codec.Responder) {
			if err := r.Send(newMessage(t, output, `{"text":"a","big":"1"}`)); err != nil {
				t.Error(err)
			}
			if err := r.Send(newMessage(t, output, `{"text":"broken"}`)); err == nil {
				t.Error("what is not JSON was sent")
			}
			_ = r.Finish(newMessage(t, output, `{"text":"fail"}`), nil)
			if err := r.Finish(nil, nil); err == nil {
				t.Error("a second Finish is no error")
			}
			if err := r.Send(newMessage(t, output, `{}`)); err == nil {
				t.Error("a message after the end is no error")
			}
		}), cfg)
		if x.String() != want {
			t.Errorf("%q: got %q, want %q", query, x.String(), want)
		}
	}
}

// A gone exchange cannot be written.
type gone struct{ *exchange }

func (gone) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestFormat_LostClients(t *testing.T) {
	files := compile(t, echo+strings.ReplaceAll(streams, "service S", "service T"))
	f := newFormat(t, files, "test.v1.S/Get", "test.v1.T/Watch")
	for _, path := range []string{"/v1/x", "/v1/watch/1"} {
		f.Serve(t.Context(), gone{newExchange("GET", path, "", "")}, serveFunc(func(ctx context.Context, call *codec.Call, r codec.Responder) {
			err := r.Finish(newMessage(t, methodOf(t, files, call.Method).Output(), `{}`), nil)
			if err == nil || ctx.Err() == nil {
				t.Errorf("%s: got %v, and the context %v", path, err, ctx.Err())
			}
		}), config())
	}
}

// A finder is a restformat.Descriptors that finds one thing.
type finder struct {
	desc protoreflect.Descriptor
	err  error
}

func (f finder) FindDescriptorByName(protoreflect.FullName) (protoreflect.Descriptor, error) {
	return f.desc, f.err
}

func TestNew_RefusesDamagedAnnotations(t *testing.T) {
	method := methodOf(t, compile(t, echo), "test.v1.S/Plain")
	for _, annotation := range []string{"\xff", "\x12", "\x12\x05/", "\x12\x02/x\x00", "\x42\x01\xff", "\x5a\x01\xff", "\x0b"} {
		file := protodesc.ToFileDescriptorProto(method.ParentFile())
		options := file.GetService()[0].GetMethod()[0].GetOptions()
		options.ProtoReflect().SetUnknown(append([]byte{0x82, 0xd3, 0xe4, 0x93, 0x02, byte(len(annotation))}, annotation...))
		if _, err := proto.Marshal(options); err != nil {
			t.Fatal(err)
		}
		linked, err := protodesc.NewFile(file, compile(t, echo))
		if err != nil {
			t.Fatal(err)
		}
		all := new(protoregistry.Files)
		if err := all.RegisterFile(linked); err != nil {
			t.Fatal(err)
		}
		if f, err := restformat.New(all, []string{"test.v1.S/Get"}); f != nil || err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%q: got %v, %v", annotation, f, err)
		}
	}
	if _, err := restformat.New(finder{err: io.ErrUnexpectedEOF}, []string{"test.v1.S/Get"}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v, want the resolver's error", err)
	}
}
