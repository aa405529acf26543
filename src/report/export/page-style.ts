import { DARK, LIGHT, type Theme, themeProperties } from '../charts/theme.js';

function properties(theme: Theme): string {
  return themeProperties(theme)
    .map(([name, colour]) => `${name}:${colour}`)
    .join(';');
}

/** The style of a page: the reader's light or dark, readable from phone to desk, printable. */
export const PAGE_STYLE = `
:root{color-scheme:light dark;${properties(LIGHT)};--panel:#f6f7f9;--line:#dfe3e8;--good:#0b6b4f;--good-back:#e3f4ee;--caution:#8a4b00;--caution-back:#fdf0df;--focus:#0072b2}
@media (prefers-color-scheme:dark){:root{${properties(DARK)};--panel:#1c2026;--line:#333941;--good:#5ad6b0;--good-back:#12302a;--caution:#f2b765;--caution-back:#3a2a12;--focus:#4fa8e0}}
*{box-sizing:border-box}
body{margin:0;background:var(--fig-surface);color:var(--fig-ink);font:16px/1.55 system-ui,'Segoe UI','Liberation Sans',Arial,'DejaVu Sans',sans-serif}
main{max-width:1160px;margin:0 auto;padding:28px 20px 64px}
h1{font-size:1.75rem;line-height:1.2;margin:0}
h2{font-size:1.25rem;line-height:1.3;margin:2.6rem 0 .8rem;padding-bottom:.3rem;border-bottom:1px solid var(--line)}
h3{font-size:1rem;margin:0 0 .4rem}
p{margin:.5rem 0;max-width:88ch}
.subtitle{color:var(--fig-muted);margin:.3rem 0 0}
b.model,.advice .model{overflow-wrap:anywhere;unicode-bidi:isolate}
code{font-size:.86em;color:var(--fig-muted);overflow-wrap:anywhere}
.advice{list-style:none;margin:0 0 1rem;padding:0;display:grid;gap:12px}
.advice li{background:var(--panel);border-left:5px solid var(--fig-axis);border-radius:6px;padding:12px 16px}
.advice li.good{border-color:var(--good)}
.advice li.caution{border-color:var(--caution)}
.advice h3{display:flex;flex-wrap:wrap;gap:4px 12px;align-items:baseline;font-size:1.08rem;margin:0}
.advice h3 .occasion{color:var(--fig-muted);font-weight:500}
.advice h3 .model{overflow-wrap:anywhere}
.chip{font-size:.8rem;font-weight:600;border-radius:999px;padding:1px 10px;border:1px solid currentColor;white-space:nowrap}
.good .chip,.tone-good{color:var(--good)}
.caution .chip,.tone-caution{color:var(--caution)}
.muted .chip,.tone-muted{color:var(--fig-muted)}
.good .chip{background:var(--good-back)}
.caution .chip{background:var(--caution-back)}
.advice p{margin:.35rem 0 0;max-width:96ch}
.tone-strong{font-weight:700}
.tone-good,.tone-caution{font-weight:600}
.warnings{background:var(--caution-back);border-radius:6px;padding:12px 16px;margin:1rem 0}
.warnings h3{color:var(--caution)}
.plain{margin:0;padding-left:1.2rem;display:grid;gap:.45rem}
.plain li{max-width:92ch;overflow-wrap:anywhere}
.warnings ul,.notes{margin:.3rem 0;padding-left:1.2rem}
.warnings li,.notes li{overflow-wrap:anywhere;max-width:92ch}
.notes{color:var(--fig-muted);font-size:.92rem}
.table-box{overflow:auto;max-height:34rem;margin:.8rem 0 1.4rem;border:1px solid var(--line);border-radius:6px}
table{border-collapse:collapse;width:100%;font-size:.88rem;font-variant-numeric:tabular-nums}
caption{text-align:left;font-weight:600;padding:9px 12px}
caption span{display:inline-block;position:sticky;left:12px;max-width:min(100%,calc(100vw - 60px))}
th,td{padding:5px 10px;text-align:left;white-space:nowrap;border-top:1px solid var(--line)}
thead th{white-space:normal;min-width:3.4rem;position:sticky;top:0;background:var(--panel);color:var(--fig-muted);font-weight:600;vertical-align:bottom;z-index:1}
thead th.short{white-space:nowrap}
tbody th{font-weight:500}
td.long,tbody th.long{white-space:normal;overflow-wrap:anywhere;min-width:16rem}
td.wrapped{white-space:normal;min-width:7.5rem}
.table-box.whole{max-height:none}
tbody small{display:block;color:var(--fig-muted);font-weight:400}
tbody th.tone-strong{font-weight:700}
th.number,td.number{text-align:right}
tbody tr:hover{background:var(--panel)}
th button{all:unset;cursor:pointer}
th button:focus-visible,.table-box:focus-visible,.drawing:focus-visible,summary:focus-visible{outline:2px solid var(--focus);outline-offset:2px}
th[aria-sort=ascending] button::after{content:' ▲'}
th[aria-sort=descending] button::after{content:' ▼'}
figure{margin:1.2rem 0 1.8rem}
figcaption{color:var(--fig-muted);font-size:.9rem;max-width:96ch;margin-top:.35rem}
.drawing{overflow-x:auto;overflow-y:hidden}
.canvas svg{display:block;width:100%;height:auto}
.canvas.slim{display:none;max-width:430px}
@media screen and (max-width:599px){.canvas.wide{display:none}.canvas.slim{display:block}}
@media screen and (max-width:599px){main{padding:20px 16px 48px}th,td{padding:5px 7px}tbody th{position:sticky;left:0;background:var(--fig-surface);white-space:normal;overflow-wrap:anywhere}tbody th:not(.number){min-width:8.5rem}}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,420px),1fr));gap:4px 28px}
.grid figure{margin:.6rem 0}
footer{margin-top:2.4rem;color:var(--fig-muted);font-size:.92rem}
pre{overflow-x:auto;font-size:.84rem}
details{margin:.5rem 0}
summary{cursor:pointer;font-weight:600;padding:4px 0}
@page{margin:14mm 12mm}
@media print{
main{max-width:none;padding:0}
h2,h3,caption,summary{break-after:avoid}
h2{margin-top:1.6rem}
figure,.advice li,.warnings,tr,caption,section>p,.table-box:not(:has(tbody tr:nth-child(16))){break-inside:avoid}
thead{display:table-header-group}
thead,tbody tr:first-child{break-after:avoid}
tbody tr:first-child{break-before:avoid}
thead th,caption span{position:static;max-width:none}
.table-box{max-height:none;overflow:visible;border:0}
table{font-size:.68rem}
th,td,thead th,td.long,tbody th.long,td.wrapped{padding:3px 5px;min-width:0;white-space:normal;overflow-wrap:anywhere}
th.number,td.number,thead th{overflow-wrap:normal}
section>p{break-after:avoid}
footer{break-before:avoid}
.grid{display:block}
.grid figure{display:inline-block;width:48%;margin-right:1%;vertical-align:top}
.drawing{overflow:visible}
.canvas{min-width:0!important}
}
`;
