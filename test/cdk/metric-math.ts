/** The value of a metric or expression in a minute; undefined where it has no data. */
export type Series = (minute: number) => number | undefined;

/** A time series, or a scalar that has the same value in every minute. */
interface Operand {
  scalar: boolean;
  at: Series;
}

/** Minutes that DIFF looks back for the preceding value: an alarm's range ends some time. */
const longestGap = 15;

/**
 * Compiles an expression of CloudWatch's metric math: the operators and functions that the stack's alarms use. Where only
 * one of two time series has data, the other counts as 0. Source: CloudWatch User Guide, "Using math expressions with
 * CloudWatch metrics": "Basic arithmetic functions", "Comparison and logical operators", "Using IF expressions".
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
  function level(operators: readonly string[], next: () => Operand): Operand {
    let left = next();
    while (operators.includes(rest[0] ?? '')) left = operate(take(), left, next());
    return left;
  }

  const sum = () => level(['+', '-'], () => level(['*', '/'], operand));
  const comparison = () => level(['<', '>', '<=', '>=', '=='], sum);
  const whole = () => level(['AND'], comparison);

  function operand(): Operand {
    const token = take();
    if (token === '-') return operate('-', constant(0), operand());
    if (token === '(') {
      const inner = whole();
      take(')');
      return inner;
    }
    if (/^\d/.test(token)) return constant(Number(token));
    const metric = metrics[token];
    if (metric !== undefined) return series(metric);
    return call(token, parameters());
  }

  function parameters(): Operand[] {
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
  return result.at;
}

function constant(value: number): Operand {
  return { scalar: true, at: () => value };
}

function series(at: Series): Operand {
  return { scalar: false, at };
}

function call(name: string, [first = none, second = none, third = none]: readonly Operand[]): Operand {
  switch (name) {
    case 'IF':
      return series((minute) => {
        const condition = first.at(minute);
        if (condition === undefined) return undefined;
        return condition === 0 ? third.at(minute) : (second.at(minute) ?? 0);
      });
    case 'FILL':
      return series((minute) => first.at(minute) ?? second.at(minute));
    case 'DIFF':
      return series((minute) => {
        const now = first.at(minute);
        if (now === undefined) return undefined;
        const before = precedingValue(first.at, minute);
        return before === undefined ? undefined : now - before;
      });
    default:
      throw new SyntaxError(`Expected a metric, IF, FILL or DIFF, received ${name}.`);
  }
}

const none = series(() => undefined);

/** The value before `minute`, which may be more than a minute ago. */
function precedingValue(at: Series, minute: number): number | undefined {
  for (let back = 1; back <= longestGap; back++) {
    const value = at(minute - back);
    if (value !== undefined) return value;
  }
  return undefined;
}

function operate(operator: string, left: Operand, right: Operand): Operand {
  const scalar = left.scalar && right.scalar;
  return {
    scalar,
    at: (minute) => {
      const [a, b] = [left.at(minute), right.at(minute)];
      const hasData = scalar || (!left.scalar && a !== undefined) || (!right.scalar && b !== undefined);
      return hasData ? Number(applied(operator, a ?? 0, b ?? 0)) : undefined;
    },
  };
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
