"use strict";
// Sections: a link to a closed section opens it; all are open in print. Boxes that scroll sideways say so.
(() => {
  const sections = [...document.querySelectorAll("details")];
  const reveal = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    if (target) target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  // a link that is followed again, to a section folded since, changes no hash
  addEventListener("click", (event) => { if (event.target.closest("a[href^='#']")) setTimeout(reveal); });
  reveal();
  // without scripts, the cue stands at all that is wide (class "wide"); here, where the window cuts something
  const boxes = new ResizeObserver((seen) => seen.forEach(({ target }) => target.classList.toggle("wide", target.scrollWidth > target.clientWidth)));
  document.querySelectorAll(".scroll").forEach((box) => boxes.observe(box));
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
