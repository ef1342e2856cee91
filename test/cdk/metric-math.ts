/** The value of a metric or expression in a minute; undefined where it has no data. */
export type Series = (minute: number) => number | undefined;

/**
 * Compiles an expression of CloudWatch's metric math: the operators and functions that the stack's alarms use. As in
 * CloudWatch, a minute without data has no result, except through FILL.
 *
 * @throws SyntaxError for anything else
 */
export function metricMath(expression: string, metrics: Readonly<Record<string, Series>>): Series {
  const tokens = expression
    .match(/\s*(?:[A-Za-z]\w*|\d+(?:\.\d+)?|[<>=]=|[-+*/<>(),])\s*/g)
    ?.map((token) => token.trim());
  if (tokens === undefined || tokens.join('') !== expression.replaceAll(/\s/g, '')) {
    throw new SyntaxError(`Expected metric math, received ${expression}.`);
  }
  const rest = [...tokens];

  function take(expected?: string): string {
    const token = rest.shift() ?? 'the end';
    if (expected !== undefined && token !== expected) {
      throw new SyntaxError(`Expected ${expected}, received ${token}, in ${expression}.`);
    }
    return token;
  }

  /** Operands joined by the operators of a level; `next` reads the levels that bind closer. */
  function level(operators: readonly string[], next: () => Series): Series {
    let left = next();
    while (operators.includes(rest[0] ?? '')) left = operate(take(), left, next());
    return left;
  }

  const sum = () => level(['+', '-'], () => level(['*', '/'], operand));
  const comparison = () => level(['<', '>', '<=', '>=', '=='], sum);
  const whole = () => level(['AND'], comparison);

  function operand(): Series {
    const token = take();
    if (token === '-') {
      const value = operand();
      return (minute) => withData(value(minute), (number) => -number);
    }
    if (token === '(') {
      const inner = whole();
      take(')');
      return inner;
    }
    if (/^\d/.test(token)) return () => Number(token);
    const metric = metrics[token];
    if (metric !== undefined) return metric;
    return call(token, parameters());
  }

  function parameters(): Series[] {
    take('(');
    const list = [whole()];
    while (rest[0] === ',') {
      take(',');
      list.push(whole());
    }
    take(')');
    return list;
  }

  const result = whole();
  if (rest.length > 0) throw new SyntaxError(`Expected the end, received ${rest[0]}, in ${expression}.`);
  return result;
}

function call(name: string, [first = none, second = none, third = none]: readonly Series[]): Series {
  switch (name) {
    case 'IF':
      return (minute) => withData(first(minute), (condition) => (condition === 0 ? third : second)(minute));
    case 'FILL':
      return (minute) => first(minute) ?? second(minute);
    case 'DIFF':
      return (minute) => withData(first(minute), (now) => withData(first(minute - 1), (before) => now - before));
    default:
      throw new SyntaxError(`Expected a metric, IF, FILL or DIFF, received ${name}.`);
  }
}

const none: Series = () => undefined;

function operate(operator: string, left: Series, right: Series): Series {
  return (minute) => withData(left(minute), (a) => withData(right(minute), (b) => Number(applied(operator, a, b))));
}

function applied(operator: string, a: number, b: number): number | boolean {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return a / b;
    case '<':
      return a < b;
    case '>':
      return a > b;
    case '<=':
      return a <= b;
    case '>=':
      return a >= b;
    case '==':
      return a === b;
    default:
      return a !== 0 && b !== 0;
  }
}

function withData(value: number | undefined, use: (value: number) => number | undefined): number | undefined {
  return value === undefined ? undefined : use(value);
}
