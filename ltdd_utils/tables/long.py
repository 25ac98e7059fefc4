"""A table too long to be read at once: it scrolls below its head, and can be filtered and sorted where scripts run.

The rows are plain HTML; a script of a few lines, in the table itself, adds what needs one.
"""

__all__ = ["LONG", "LOOK", "SCRIPT"]

LONG = 36  # rows that can be read on a page
LOOK = """
.ltdd-long .box{max-height:40rem;overflow:auto;width:auto;background-attachment:local,local,scroll,scroll;
background-position:right center,center bottom,right center,center bottom;
background-size:28px 100%,100% 28px,10px 100%,100% 10px;
background-image:linear-gradient(to left,var(--ltdd-page) 60%,transparent),
linear-gradient(to top,var(--ltdd-page) 60%,transparent),
linear-gradient(to left,var(--ltdd-shade),transparent),linear-gradient(to top,var(--ltdd-shade),transparent)}
.ltdd-long thead th{position:sticky;top:0;z-index:2;background:var(--ltdd-page)!important}
.ltdd-long thead th:first-child{z-index:3}
.ltdd-long th button{all:unset;cursor:pointer;font-weight:600}
.ltdd-long th button:focus-visible{outline:2px solid}
.ltdd-long th[aria-sort=ascending] button::after{content:" ↑"}
.ltdd-long th[aria-sort=descending] button::after{content:" ↓"}
.ltdd-bar{display:flex;flex-wrap:wrap;gap:.5rem;align-items:center;font-size:.85em;margin:.5rem 0}
.ltdd-bar :is(input,select,button){font:inherit;color:inherit;background:transparent;padding:.2rem .5rem;max-width:100%;
border:1px solid rgb(127 127 127/70%);border-radius:.25rem}.ltdd-bar option{color:#000;background:#fff}
""".replace("\n", "")
# ``data-pick`` is the column whose values are a choice, else the groups of rows are. ``data-more`` names the further
# columns that each row has for a CSV; without it there is none.
SCRIPT = """
for (const box of document.querySelectorAll('.ltdd-long:not([data-ready])')) {
  box.dataset.ready = '';
  const bodies = [...box.querySelectorAll('tbody')], rows = [...box.querySelectorAll('tbody tr:not(.group)')];
  const make = (tag, props) => Object.assign(document.createElement(tag), props);
  const bar = make('div', {className: 'ltdd-bar'}), told = make('span', {ariaLive: 'polite'});
  const find = make('input', {type: 'search', placeholder: 'filter: any words', ariaLabel: 'filter rows by words'});
  const {pick: column, more} = box.dataset;
  const heading = row => row.parentElement.querySelector('.group')?.textContent ?? '';
  const kind = row => (column ? row.cells[column].textContent : heading(row));
  const kinds = [...new Set(rows.map(kind))], what = column ? 'state' : 'group';
  const pick = make('select', {ariaLabel: `filter rows by ${what}`});
  pick.append(...[`all ${what}s`, ...kinds].map(text => make('option', {textContent: text})));
  const shown = () => rows.filter(row => !row.hidden);
  const filter = () => {
    const words = find.value.toLowerCase().split(/ +/);
    for (const row of rows) {
      const text = `${heading(row)} ${row.textContent}`.toLowerCase();
      const state = pick.selectedIndex === 0 || kind(row) === pick.value;
      row.hidden = !state || !words.every(word => text.includes(word));
    }
    for (const body of bodies) body.hidden = [...body.rows].every(row => row.hidden || row.matches('.group'));
    told.textContent = `${shown().length} of ${rows.length} rows`;
  };
  find.oninput = pick.onchange = filter;
  const number = text => parseFloat(text.replace('\\u2212', '-').replace(/^[<>]|^about /, ''));
  const heads = [...box.querySelectorAll('thead th')];
  heads.forEach((head, place) => {
    if (head.matches('.v')) return;
    const button = make('button', {textContent: head.textContent || 'name', type: 'button'});
    head.replaceChildren(button);
    button.onclick = () => {
      const way = head.ariaSort === 'ascending' ? -1 : 1;
      heads.forEach(other => other.removeAttribute('aria-sort'));
      head.setAttribute('aria-sort', way > 0 ? 'ascending' : 'descending');
      const order = (a, b) => {
        const [x, y] = [a, b].map(row => row.cells[place].textContent), [m, n] = [x, y].map(number);
        if (head.matches('.n')) return (isNaN(m) - isNaN(n)) || way * (m - n) || 0;
        return way * x.localeCompare(y, 'en', {numeric: true});
      };
      rows.sort(order);
      for (const body of bodies) body.append(...rows.filter(row => row.parentElement === body));
    };
  });
  bar.append(find, ...(kinds.length > 1 ? [pick] : []));
  if (more) {
    const save = make('button', {textContent: 'CSV of these rows', type: 'button'});
    save.onclick = () => {
      const quote = text => `"${text.replaceAll('"', '""')}"`;
      const lines = [[...heads.map(head => head.textContent), ...JSON.parse(more)]];
      const cells = row => [...row.cells].map(cell => cell.textContent);
      for (const row of shown()) lines.push([...cells(row), ...JSON.parse(row.dataset.more)]);
      const text = lines.map(line => line.map(quote).join(',')).join('\\r\\n');
      const file = new Blob(['\\ufeff' + text], {type: 'text/csv'});
      const link = make('a', {href: URL.createObjectURL(file), download: box.dataset.file});
      link.click();
      URL.revokeObjectURL(link.href);
    };
    bar.append(save);
  }
  bar.append(told);
  box.querySelector('.box').before(bar);
  filter();
}
""".strip()
