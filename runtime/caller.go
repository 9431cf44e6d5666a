package runtime

import (
	"context"
	"errors"
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/registry"
	"github.com/protomicro/micro/selector"
	"github.com/protomicro/micro/status"
)

// A caller is the innermost Conn of a client.
type caller struct {
	*Client
	codec    codec.Codec
	selector selector.Selector
	pool     *pool
	err      error // why the client cannot be used

	cancel  context.CancelFunc // of the watch over the registry
	watched sync.WaitGroup
	ready   chan struct{}         // closed when the instances are known, or cannot be
	lookup  atomic.Pointer[error] // why the registry has no answer; nil if it has
}

func newCaller(c *Client) *caller {
	k := &caller{Client: c, codec: c.Codec, selector: c.Selector, ready: make(chan struct{})}
	if k.codec == nil {
		k.codec = defaultCodecs()[0]
	}
	if k.selector == nil {
		k.selector = new(selector.RoundRobin)
	}
	ctx, cancel := context.WithCancel(context.Background()) // ends with Close
	k.cancel = cancel
	k.pool = newPool(ctx, c)
	switch {
	case len(c.Addrs) > 0:
		k.selector.Update(fixed(c.Addrs))
		close(k.ready)
	case c.Resolver != nil && c.Service != "":
		k.watched.Go(func() { k.watch(ctx) })
	default:
		k.err = status.Errorf(status.Internal, "runtime: a Client needs Addrs, or a Resolver and the name of a Service")
		close(k.ready)
	}
	return k
}

// fixed makes an instance of each address.
func fixed(addrs []string) []registry.Instance {
	instances := make([]registry.Instance, len(addrs))
	for i, addr := range addrs {
		instances[i] = registry.Instance{ID: strconv.Itoa(i) + " " + addr, Addrs: []string{addr}}
	}
	return instances
}

// watch keeps the selector up to date until ctx ends.
func (k *caller) watch(ctx context.Context) {
	known := false
	defer func() {
		if !known { // so that nobody waits
			err := error(status.Errorf(status.Canceled, "the watch has ended"))
			k.lookup.Store(&err)
			close(k.ready)
		}
	}()
	for instances, err := range k.Resolver.Watch(ctx, k.Service) {
		if err != nil {
			k.lookup.Store(&err) // what was known stays true
		} else {
			k.lookup.Store(nil)
			k.selector.Update(instances)
			k.pool.keep(instances)
		}
		if !known {
			known = true
			close(k.ready)
		}
	}
}

func (k *caller) close() {
	k.cancel()
	k.pool.close()
	k.watched.Wait()
}

// Invoke implements Conn.
func (k *caller) Invoke(ctx context.Context, m *Method, req, res any) (err error) {
	if k.Timeout > 0 {
		if _, ok := ctx.Deadline(); !ok {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, k.Timeout)
			defer cancel()
		}
	}
	for tried := range attempts {
		if err = k.invoke(ctx, m, tried, req, res); err == nil || !errors.Is(err, codec.ErrNotSent) || ctx.Err() != nil {
			break
		}
	}
	return plain(err)
}

func (k *caller) invoke(ctx context.Context, m *Method, tried int, req, res any) error {
	s, done, err := k.open(ctx, m, codec.Unary, tried)
	if err != nil {
		return err
	}
	defer func() {
		_ = s.Close()
		if done != nil {
			done(err)
		}
	}()
	if err = s.Finish(req, nil); err != nil && err != io.EOF { // io.EOF: Recv says why
		return err
	}
	err = recvOnly(s, res)
	if meta, ok := ctx.Value(responseMetaKey{}).(*ResponseMeta); ok {
		meta.Header, _ = s.Header()
		meta.Trailer = s.Trailer()
	}
	return err
}

// Open implements Conn.
func (k *caller) Open(ctx context.Context, m *Method, kind codec.Kind) (RawStream, error) {
	tried := -1
	t := &tracked{kind: kind, open: func() (codec.Stream, func(error), error) {
		tried++
		return k.open(ctx, m, kind, tried)
	}}
	err := t.reopen()
	for range attempts - 1 {
		if !errors.Is(err, codec.ErrNotSent) || ctx.Err() != nil {
			break
		}
		err = t.reopen()
	}
	if err != nil {
		return nil, plain(err)
	}
	return t, nil
}

// open starts a call, that was tried before as often as that, on an instance that the selector chooses.
func (k *caller) open(ctx context.Context, m *Method, kind codec.Kind, tried int) (codec.Stream, func(error), error) {
	select {
	case <-k.ready:
	default:
		select {
		case <-k.ready:
		case <-ctx.Done():
			return nil, nil, status.From(ctx.Err())
		}
	}
	if k.err != nil {
		return nil, nil, k.err
	}
	call := &codec.Call{
		Method: m.Name, Kind: kind, Codec: k.codec, Header: outgoing(ctx),
		Attempts: tried, NoSideEffects: m.Idempotency == NoSideEffects,
	}
	if err := call.Header.Check(); err != nil {
		return nil, nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		if call.Timeout = time.Until(deadline); call.Timeout <= 0 {
			return nil, nil, status.From(context.DeadlineExceeded)
		}
	}
	in, done, err := k.selector.Pick(ctx)
	if err != nil {
		return nil, nil, k.none(err)
	}
	conn, err := k.pool.conn(ctx, in)
	if err == nil {
		var s codec.Stream
		if s, err = conn.Open(ctx, call); err == nil {
			return s, done, nil
		}
	}
	if done != nil {
		done(err)
	}
	return nil, nil, err
}

// none explains that there is no instance.
func (k *caller) none(err error) error {
	if why := k.lookup.Load(); why != nil && errors.Is(err, selector.ErrNone) {
		return status.Errorf(status.Unavailable, "looking up service %q: %v", k.Service, *why)
	}
	if errors.Is(err, selector.ErrNone) && len(k.Addrs) == 0 {
		return status.Errorf(status.Unavailable, "no instance of service %q is registered", k.Service)
	}
	return status.From(err)
}

// plain returns err without the mark that it was not sent.
func plain(err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	if e, ok := errors.AsType[*status.Error](err); ok && errors.Is(err, codec.ErrNotSent) {
		return e
	}
	return err
}

// A tracked stream tells the selector, once, how its call went, and tries another instance for a request that cannot be
// sent.
type tracked struct {
	codec.Stream
	open func() (codec.Stream, func(error), error)
	kind codec.Kind
	done func(error) // may be nil
	once *sync.Once  // of done
}

// reopen starts the call, on whichever instance the selector chooses.
func (t *tracked) reopen() error {
	s, done, err := t.open()
	if err == nil {
		t.Stream, t.done, t.once = s, done, new(sync.Once)
	}
	return err
}

func (t *tracked) report(err error) {
	if t.done != nil {
		t.once.Do(func() { t.done(err) })
	}
}

// Finish implements codec.Stream.
func (t *tracked) Finish(last any, outcome error) error {
	err := t.Stream.Finish(last, outcome)
	for range attempts - 1 {
		if t.kind != codec.ServerStream || !errors.Is(err, codec.ErrNotSent) {
			break // only of a server stream this is all that was sent
		}
		t.report(err)
		_ = t.Stream.Close() // a second time, if there was no other
		if err = t.reopen(); err == nil {
			err = t.Stream.Finish(last, outcome)
		}
	}
	return plain(err)
}

// Recv implements codec.Stream.
func (t *tracked) Recv(msg any) error {
	err := t.Stream.Recv(msg)
	switch err {
	case nil:
	case io.EOF:
		t.report(nil)
	default:
		t.report(err)
	}
	return plain(err)
}

// Close implements codec.Stream.
func (t *tracked) Close() error {
	t.report(status.From(context.Canceled))
	return t.Stream.Close()
}
