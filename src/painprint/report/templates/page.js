"use strict";
// Sections: a link to a closed section opens it; all are open in print.
(() => {
  const sections = [...document.querySelectorAll("details")];
  const reveal = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    if (target) target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();
  let closed = [];
  addEventListener("beforeprint", () => { closed = sections.filter((d) => !d.open); closed.forEach((d) => { d.open = true; }); });
  addEventListener("afterprint", () => closed.forEach((d) => { d.open = false; }));
  const all = document.getElementById("fold-all");
  if (all) {
    all.hidden = false;
    all.addEventListener("click", () => {
      const open = all.getAttribute("aria-pressed") !== "true";
      document.querySelectorAll("details.section").forEach((d) => { d.open = open; });
      all.setAttribute("aria-pressed", String(open));
      all.textContent = open ? "Fold all sections" : "Unfold all sections";
    });
  }
})();
