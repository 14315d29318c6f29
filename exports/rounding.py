"""Rounding for people: the SQL macros `as_shown`, `digits_shown` and `shown`. Here and nowhere else is a figure rounded.

Half away from zero, in DuckDB. A double is first taken at its shortest decimal form and at 12 decimals, so that 2.675 is rounded as
the number that was meant (2.68) and not as the binary fraction just below it; `round()` of a double would give 2.68 for 2.675 but
1.00 for 1.005. A share that is neither 0 nor 1 is never shown as 0 % or 100 %: it gets as many more decimals (up to four) as it needs.

Exact decimals take twenty times as long as doubles, and what they give differs only next to a half. So the double is rounded
wherever the half is far enough away for both to give the same.
"""

from __future__ import annotations

MOST_DIGITS = 8
# How far from a half, in units of the last digit shown, doubles and decimals agree: 12 decimals of a share in per cent at 8 digits are
# off by 0.005 at most, a double below SAFE_BELOW by less.
NEAR_HALF, SAFE_BELOW = 0.01, 1e12


def macros() -> str:
    """The statements that make the macros as temporary ones.

    `as_shown(x, unit)`: a double as an exact decimal, a share as per cent. `digits_shown(x, unit, wanted)`: the decimals to show.
    `shown(x, unit, digits)`: the text, NULL for no number. Compute the digits in a query of their own below the text: DuckDB works
    out an argument as often as a macro names it.
    """
    digits = range(MOST_DIGITS + 1)
    # A decimal's precision must be a constant, hence one branch per number of decimals.
    steps = "\n".join(
        f"when wanted <= {digit} and cast(as_shown(x, unit) as decimal(32, {digit})) not in (0, 100) then {digit}" for digit in digits
    )
    exact = "\n".join(f"when {digit} then cast(cast(as_shown(x, unit) as decimal(32, {digit})) as varchar)" for digit in digits)
    quick = "\n".join(f"when {digit} then cast(cast(scaled(x, unit) as decimal(18, {digit})) as varchar)" for digit in digits)
    return f"""
    create temp macro as_shown(x, unit) as
        try_cast(cast(x as varchar) as decimal(32, 12)) * case when unit = 'share' then 100 else 1 end;
    create temp macro scaled(x, unit) as case when unit = 'share' then 100 * x else x end;
    create temp macro digits_needed(x, unit, wanted) as
        case when as_shown(x, unit) is null or as_shown(x, unit) in (0, 100) then wanted {steps} else wanted end;
    create temp macro digits_shown(x, unit, wanted) as case
        when unit is distinct from 'share' or x is null or x in (0, 1) or x between 0.01 and 0.99 or x between 1.01 and 1e6
            then least(wanted, {MOST_DIGITS})
        else least(digits_needed(x, unit, wanted), wanted + 4, {MOST_DIGITS}) end;
    create temp macro is_near_half(scaled) as
        not abs(scaled) < {SAFE_BELOW} or abs(abs(scaled) - floor(abs(scaled)) - 0.5) < {NEAR_HALF};
    create temp macro shown(x, unit, digits) as
        case when is_near_half(scaled(x, unit) * power(10::double, digits)) then case digits {exact} end else case digits {quick} end end
            || case when unit = 'share' then '%' else '' end;
    """
