package restformat

import (
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strings"
)

// head is the HTTP method that is GET without a body.
const head = "HEAD"

// A router finds the bindings whose templates match a path.
type router struct {
	root  node
	verbs map[string]bool // of all templates, without ""
}

// A node stands for the templates that begin with the same segments.
type node struct {
	literals map[string]*node
	star     *node
	ends     []*pattern // templates without a further segment
	deep     []*pattern // templates whose further segment is "**"
}

// A pattern is what templates that match the same paths have in common.
type pattern struct {
	verb     string // as in template
	bindings []*binding
}

func (r *router) empty() bool {
	return r.root.literals == nil && r.root.star == nil && r.root.deep == nil
}

// add adds b. It is an error if there is one with the same HTTP method and pattern.
func (r *router) add(b *binding) error {
	n := &r.root
	last := &n.ends
	for _, s := range b.template.segments {
		switch s.wildcard {
		case "**":
			last = &n.deep
			continue // was the last one
		case "*":
			if n.star == nil {
				n.star = &node{}
			}
			n = n.star
		default:
			if n.literals == nil {
				n.literals = make(map[string]*node)
			}
			if n.literals[s.literal] == nil {
				n.literals[s.literal] = &node{}
			}
			n = n.literals[s.literal]
		}
		last = &n.ends
	}
	if verb := b.template.verb; verb != "" {
		if r.verbs == nil {
			r.verbs = make(map[string]bool)
		}
		r.verbs[verb] = true
	}
	return addBinding(last, b)
}

func addBinding(patterns *[]*pattern, b *binding) error {
	i := slices.IndexFunc(*patterns, func(p *pattern) bool { return p.verb == b.template.verb })
	if i < 0 {
		*patterns = append(*patterns, &pattern{verb: b.template.verb, bindings: []*binding{b}})
		return nil
	}
	p := (*patterns)[i]
	for _, other := range p.bindings {
		if other.verb == b.verb {
			return fmt.Errorf("%s %s is bound to %s, and to %s as %s", b.verb, b.path, b.method, other.method, other.path)
		}
	}
	p.bindings = append(p.bindings, b)
	return nil
}

// route returns the binding for an HTTP method and a path, with the segments of the path. If there is none it returns the
// HTTP methods that the path has, sorted.
func (r *router) route(verb, path string) (b *binding, raw, allowed []string) {
	for p, raw := range r.matches(path) {
		if b := p.pick(verb); b != nil {
			return b, raw, nil
		}
		for _, b := range p.bindings {
			allowed = append(allowed, b.verb)
			if b.verb == "GET" {
				allowed = append(allowed, head)
			}
		}
	}
	slices.Sort(allowed)
	return nil, nil, slices.Compact(allowed)
}

// pick returns the binding for an HTTP method, or nil.
func (p *pattern) pick(verb string) *binding {
	verbs := []string{verb, "*"}
	if verb == head {
		verbs = []string{head, "GET", "*"}
	}
	for _, verb := range verbs {
		for _, b := range p.bindings {
			if b.verb == verb {
				return b
			}
		}
	}
	return nil
}

// matches yields the patterns that a path matches, the most specific first, with the segments of the path as they stand
// there. A path that is not rooted or not encoded well, or that has other segments than a template can have, matches none.
func (r *router) matches(path string) iter.Seq2[*pattern, []string] {
	return func(yield func(*pattern, []string) bool) {
		if i := strings.LastIndexAny(path, ":/"); i >= 0 && path[i] == ':' {
			verb, err := url.PathUnescape(path[i+1:])
			if err == nil && r.verbs[verb] {
				if !r.walk(path[:i], verb, yield) {
					return
				}
			}
		}
		r.walk(path, "", yield)
	}
}

// walk returns false if yield has.
func (r *router) walk(path, verb string, yield func(*pattern, []string) bool) bool {
	w := walker{verb: verb, yield: yield}
	return !w.split(path) || w.node(&r.root, 0)
}

// A walker goes down a tree along a path.
type walker struct {
	raw      []string
	decoded  []string
	trailing bool // the path ends in a slash
	verb     string
	yield    func(*pattern, []string) bool
}

func (w *walker) split(path string) (ok bool) {
	path, ok = strings.CutPrefix(path, "/")
	if !ok {
		return false
	}
	if path == "" {
		w.trailing = true
		return true
	}
	w.raw = strings.Split(path, "/")
	if last := len(w.raw) - 1; w.raw[last] == "" {
		w.raw, w.trailing = w.raw[:last], true
	}
	w.decoded = make([]string, len(w.raw))
	for i, segment := range w.raw {
		decoded, err := url.PathUnescape(segment)
		if err != nil || decoded == "" || isDots(decoded) {
			return false
		}
		w.decoded[i] = decoded
	}
	return true
}

// node yields the patterns below n that match what follows the first i segments.
func (w *walker) node(n *node, i int) bool {
	if i == len(w.raw) {
		if !w.trailing && !w.patterns(n.ends) {
			return false
		}
		return w.patterns(n.deep)
	}
	if next := n.literals[w.decoded[i]]; next != nil && !w.node(next, i+1) {
		return false
	}
	if n.star != nil && !w.node(n.star, i+1) {
		return false
	}
	return w.trailing || w.patterns(n.deep)
}

func (w *walker) patterns(patterns []*pattern) bool {
	for _, p := range patterns {
		if p.verb == w.verb && !w.yield(p, w.raw) {
			return false
		}
	}
	return true
}
